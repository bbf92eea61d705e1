"""The pages: support staff's site at /admin/, customers' portal at /portal/.

Django's admin imports this package by itself (autodiscovery). What pages do is done by services;
which rows they show is decided by models/visible.py. A room knows those above it in this list, of those below at
most a type; the files beside them, most of them a kind of row with its list and page, know all.

words/     what pages say: actors, actions, errors, limits
parts/     what all pages are built of
lists/     rows, columns, filters, saved views
base/      the kinds of pages: forms over services, acts, live parts
log_ins/   ways in and out, and one's own profile
front/     the overview
failure/   what fails
delivery/  the list, the page that explains one, the signature check
portal/    what only customers have
site/      the two sites
endpoint/  the list, the form, the page and its previews

By what they are about; the first line of each file says what lives there.

ways in      staff_urls portal_urls
endpoints    endpoints portal_endpoints inbox_page while_typing
the log      deliveries failure_groups events audit named_objects
event types  event_types api_versions version_changes
jobs         jobs job_words import_report
people       customers members api_keys key_usage users
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
