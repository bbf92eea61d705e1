"""Lists: rows, columns, filters, saved views.

By what they are about; the first line of each file says what lives there.

rows     asked listing columns picks saved_views
filters  list_filters log_filters owner_filters tag_filter value_filter
"""
