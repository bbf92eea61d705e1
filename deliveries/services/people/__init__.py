"""Who may do something: members, staff, keys, and the ways in.

By what they are about; the first line of each file says what lives there.

members         members invitations mail_addresses portal_links
staff           staff staff_identities staff_sessions role_groups
log-ins         second_factor password_links oidc_provider issuer_keys
programs        api_keys token_callers
what they keep  brands first_steps saved_views
"""
