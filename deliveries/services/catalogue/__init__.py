"""Event types, their schemas and their versions.

By what they are about; the first line of each file says what lives there.

event types  event_types schemas validation
versions     api_versions version_schemas version_table version_preview
"""
