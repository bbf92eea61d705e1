"""What fails, in words, rows and filters.

By what they are about; the first line of each file says what lives there.

shown      failing endpoint_health
of groups  failure_words failure_columns failure_filters
"""
