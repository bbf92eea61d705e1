"""Who somebody is and what that lets them do.

By what they are about; the first line of each file says what lives there.

names and roles  actor_names member_roles staff_roles staff_claims
tokens           open_id id_tokens bearer_tokens log_in_refusals
"""
