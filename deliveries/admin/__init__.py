"""The pages: support staff's site at /admin/, customers' portal at /portal/; one file per noun.

Django's admin imports this package by itself (autodiscovery). What pages do is done by services;
which rows they show is decided by models/visible.py.
"""

from deliveries.admin import (
    api_keys,
    audit,
    customers,
    deliveries,
    endpoints,
    event_types,
    events,
    groups,
    jobs,
    members,
    people,
)

__all__ = [
    "api_keys",
    "audit",
    "customers",
    "deliveries",
    "endpoints",
    "event_types",
    "events",
    "groups",
    "jobs",
    "members",
    "people",
]
