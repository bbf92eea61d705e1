"""What all verbs stand on.

By what they are about; the first line of each file says what lives there.

written down    audit
bounds          limits held_rows statement_timeout
words and time  languages own_time clock seldom
addresses       site_links
"""
