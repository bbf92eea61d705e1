"""What an event is, who wants it, and what is made of it.

By what they are about; the first line of each file says what lives there.

events        event_data event_types schema_changes tags operational api_versions
who wants it  filters filter_conditions
made of it    transformation
"""
