"""The pages: support staff's site at /admin/, customers' portal at /portal/; one file per noun.

Django's admin imports this package by itself (autodiscovery). What pages do is done by services;
which rows they show is decided by models/visible.py.
"""

from deliveries.embedding import APPS_OF_PAGES, missing_apps

if not missing_apps(APPS_OF_PAGES):  # in a project that lacks them, hookpost.W014 says so
    from deliveries.admin import (  # noqa: F401
        api_keys,
        api_versions,
        audit,
        customers,
        deliveries,
        endpoints,
        event_types,
        events,
        failure_groups,
        jobs,
        members,
        portal_endpoints,
        users,
        version_changes,
    )
