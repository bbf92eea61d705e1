"""Endpoints: the list, the form, the page and its previews.

By what they are about; the first line of each file says what lives there.

the list  endpoint_list endpoint_columns endpoint_filters
the form  endpoint_forms word_fields endpoint_groups credential_fields payload_fields signing_fields
the page  endpoint_questions endpoint_live verification
previews  preview_pages filter_preview payload_preview version_page
"""
