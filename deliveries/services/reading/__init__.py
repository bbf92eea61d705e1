"""What pages and API show of the log: choosing, counting, health.

By what they are about; the first line of each file says what lives there.

choosing  selection newest recent_events event_values feed export_places
counting  stats overview waiting
health    endpoint_health early_warnings
"""
