"""The demo: one customer, two endpoints, two events, told step by step on the terminal.

What lives here: the play around the product. It must not know how anything is delivered: it talks to
the REST API as a service would, and receives as a customer would.

receiver.py  a customer's server, with a memory
api.py       the REST API as a service calls it
logins.py    what REST has no door for: the first API key, and who may log in
story.py     the steps, and what must come of each
screen.py    how they look
seed.py, seed_log.py  a month of an ordinary installation, and the rows of its log
"""
