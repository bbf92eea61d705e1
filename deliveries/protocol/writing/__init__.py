"""How values are written: sentences, ids, moments, URLs, JSON.

By what they are about; the first line of each file says what lives there.

words    sentences stored_sentences ids
moments  timestamps time_zones clock
URLs     addresses urls torn_urls amqp_urls url_options
others   json_members trace_context brand_colours remembered
"""
