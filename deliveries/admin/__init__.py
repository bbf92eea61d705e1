"""The pages: support staff's site at /admin/, customers' portal at /portal/.

Django's admin imports this package by itself (autodiscovery). What pages do is done by services;
which rows they show is decided by models/visible.py.

By what they are about; the first line of each file says what lives there.

the sites    sites site_base staff_urls staff_pages portal_urls portal_pages portal_base theme rendering viewer
             unfold_words script_words
all pages    pages page_addresses service_form readonly acts listing paging asked live while_typing preview_pages
             widgets form_widgets pieces picks badges columns highlight safe_text ids json_field
lists        list_filters log_filters owner_filters tag_filter value_filter saved_views redeliver_all export find
front page   dashboard overview overview_rows overview_live first_steps
endpoints    endpoints portal_endpoints endpoint_list endpoint_columns endpoint_filters endpoint_forms word_fields
             limit_words endpoint_groups credential_fields payload_fields signing_fields endpoint_questions
             endpoint_health endpoint_live strips inbox_page verification reveal filter_preview
             payload_preview version_page
deliveries   deliveries delivery_list delivery_columns delivery_page delivery_story attempts signature_page receiving
             waiting
failures     failure_groups failure_columns failure_filters failure_words failing error_words
events       events event_types catalogue schema_members api_versions version_changes
jobs         jobs job_words counted import_report
customers    customers members members_page own_customers api_keys key_usage brand_pages mail_page
log-ins      staff_log_in provider_log_in provider_log_out portal_log_in second_factor forgotten_password set_password
             welcome_page invitation_page profile_page staff_list users
audit trail  audit audit_words audit_actions actor_words named_objects
"""

from deliveries.embedding import APPS_OF_PAGES, missing_apps

if not missing_apps(APPS_OF_PAGES):  # in a project that lacks them, hookpost.W014 says so
    from deliveries.admin import (  # noqa: F401
        api_keys,
        api_versions,
        audit,
        customers,
        deliveries,
        endpoints,
        event_types,
        events,
        failure_groups,
        jobs,
        members,
        portal_endpoints,
        users,
        version_changes,
    )
