"""The kinds of pages: forms over services, acts, live parts, looking something up.

By what they are about; the first line of each file says what lives there.

kinds        pages service_form acts readonly
beside them  live counted export find reveal
"""
