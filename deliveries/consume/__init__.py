"""`manage.py consume`: events that internal services wrote elsewhere, accepted here.

What lives here: reading them, accepting them by the batch, and answering for each only after that was committed. Each
has a key by which it is known again, so that a kill at any moment loses nothing and stores nothing twice. It must not
know how events are stored.

source.py        what a place of events promises
redis_stream.py  a stream of Redis or Valkey
rabbit_queue.py  a queue of RabbitMQ
outbox_table.py  a table in another program's PostgreSQL
accepting.py     take, accept, answer
"""
