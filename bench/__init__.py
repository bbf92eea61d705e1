"""Measurements: one file per group of figures, and what they stand on.

stage.py       a private data folder with the embedded services, worker and web processes
receivers.py   nginx and other receivers on loopback
filling.py     customers, endpoints and due deliveries, as the real accept statement makes them
report.py      a figure, its JSON line, the table
floor.py       yardstick: libcurl's multi alone, nothing else
plain.py       yardstick: one Dramatiq message per delivery, ORM, requests
drain.py …     the figures

`make bench` measures the default set, `make bench ARGS="drain emit"` only those groups, and
`make bench ARGS=full` all of them. Nothing here is imported by the product.
"""
