"""What only customers have: first steps, catalogue, members, receiving.

By what they are about; the first line of each file says what lives there.

the portal   portal_base portal_pages
pages        first_steps catalogue schema_members receiving
whose it is  own_customers members_page invitation_page mail_page brand_pages
"""
