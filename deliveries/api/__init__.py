"""The REST API: requests in, services asked, JSON out. docs/api.md says what it looks like from outside.

By what they are about; the first line of each file says what lives there.

posting events   emit drafts batches parsers python_api
events           events event_lists event_shapes event_cancel event_erase
deliveries       deliveries attempts signature_check failure_groups jobs
endpoints        endpoints endpoint_actions endpoint_shapes credential_shapes filter_preview payload_preview polls
customers        customers customer_data export_lines brands portal imports
event types      event_types api_versions version_changes
lists            paging query_filters window_query lookups
all views        base auth rates fields limits reasons renderers problems error_handlers error_pages bare_host
                 page_language urls
its description  openapi openapi_parts openapi_settings describe examples webhook_schemas
for operators    meta metrics probes readiness
"""
