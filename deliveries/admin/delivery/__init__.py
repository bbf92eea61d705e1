"""Deliveries: the list, the page that explains one, the signature check.

By what they are about; the first line of each file says what lives there.

the list  delivery_list delivery_columns redeliver_all
the page  delivery_page delivery_story attempts waiting signature_page
"""
