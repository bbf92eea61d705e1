"""Ways in and out, and one's own profile.

By what they are about; the first line of each file says what lives there.

log-in     staff_log_in portal_log_in provider_log_in provider_log_out
beside it  second_factor forgotten_password set_password welcome_page
oneself    profile_page
"""
