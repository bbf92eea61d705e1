"""Small parts that all pages are built of.

By what they are about; the first line of each file says what lives there.

the frame  viewer rendering theme page_addresses paging
shown      pieces badges strips ids safe_text highlight
in forms   widgets form_widgets json_field
"""
