"""Verbs of people and programs: what is done with what is stored. They know no requests and enqueue nothing.

By what they are about; the first line of each file says what lives there.

accepting       events event_entries event_store event_columns shared_commits group_commit wide_events refusals
                validation schemas fan_out filter_judge filter_bodies scheduling
endpoints       endpoints endpoint_rows endpoint_fields endpoint_secrets endpoint_credentials challenges
                challenge_rounds delivery_windows retests holding inboxes poll_waits url_check
customers       customers members invitations mail_addresses portal_links api_keys brands first_steps limits held_rows
event types     event_types api_versions version_schemas version_table version_preview
looking         selection waiting recent_events event_values feed saved_views endpoint_health failure_groups stats
                overview newest export_places statement_timeout
what was sent   sent_bodies sent_batches signature_check payload_preview filter_preview
sending again   redelivery jobs job_steps job_control candidates cancellations backlog
erasing         erase erasures event_erasure
importing       imports import_jobs
telling         alerts alert_facts alert_letters early_warnings audit
letters         letters alert_mail digests invitation_mail password_mail mail_choices mail_rows mail_server
log-ins         second_factor password_links link_backend staff staff_identities staff_sessions role_groups
                oidc_provider issuer_keys token_callers site_links
words and time  languages own_time clock
a web process   shares budgets readiness drain tables interpreter
housekeeping    leader rounds retention purge rollup keyring
"""
