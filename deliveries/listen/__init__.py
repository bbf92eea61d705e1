"""`manage.py listen`: a customer's events, forwarded to a server on the developer's machine.

What lives here: a client of the REST API with a customer's key. It must not know the database, nor how
deliveries are queued and retried: it reads the feed, as any customer's program could.

api.py      one question to the API, and what its refusals mean
feed.py     events as they come, over polls that cost little
forward.py  one event to the local server, signed as in production
screen.py   how they look
"""
