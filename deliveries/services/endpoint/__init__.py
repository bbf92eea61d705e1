"""What an endpoint is made of, and what may be asked of it beforehand.

By what they are about; the first line of each file says what lives there.

its parts     endpoint_rows endpoint_fields endpoint_secrets endpoint_credentials
its receiver  challenges url_check poll_waits inboxes
previews      payload_preview filter_preview
"""
