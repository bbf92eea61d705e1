"""From a posted event to its deliveries.

By what they are about; the first line of each file says what lives there.

accept        events event_entries event_store event_columns refusals scheduling
many at once  shared_commits wide_events
fan out       fan_out filter_judge
"""
