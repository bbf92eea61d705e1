"""What pages say: actors, actions, errors, limits.

By what they are about; the first line of each file says what lives there.

people and deeds          actor_words audit_actions audit_words
errors and limits         error_words limit_words
of scripts and of Unfold  script_words unfold_words
"""
