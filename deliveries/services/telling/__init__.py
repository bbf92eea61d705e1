"""Telling people what failed, and every letter that leaves.

By what they are about; the first line of each file says what lives there.

alerts         alerts alert_facts alert_letters alert_mail digests
other letters  invitation_mail password_mail
for all        letters mail_choices mail_rows mail_server
"""
