"""`manage.py doctor`: what an operator would ask first, asked at once.

diagnosis.py     a line of the answer
surroundings.py  settings, addresses, mail, disk, broker: what this process sees without the database
provider.py      the provider that staff log in by, and the way in without it
database.py      the server, what is stored, and who works on it

Nothing here changes anything.
"""
