"""Addresses of the API, and of what those who run Hookpost ask.

What lives here: the table of addresses. It must not know what the views do.
"""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from deliveries.api import (
    api_versions,
    attempts,
    brands,
    customer_data,
    customers,
    deliveries,
    endpoint_actions,
    endpoints,
    event_cancel,
    event_erase,
    event_types,
    events,
    failure_groups,
    filter_preview,
    imports,
    jobs,
    meta,
    metrics,
    openapi,
    payload_preview,
    polls,
    portal,
    readiness,
    signature_check,
    version_changes,
)
from deliveries.embedding import without_transaction

app_name = "hookpost"

OF_ENDPOINT = "customers/<str:customer>/endpoints/<str:endpoint>"

api: list[URLPattern | URLResolver] = [
    path("customers", customers.CustomersView.as_view()),
    path("customers/<str:customer>", customers.CustomerView.as_view()),
    path("customers/<str:customer>/brand", brands.BrandView.as_view()),
    path("customers/<str:customer>/erase", customer_data.EraseView.as_view()),
    path("customers/<str:customer>/export", customer_data.ExportView.as_view()),
    path("customers/<str:customer>/event-types", event_types.CustomerEventTypesView.as_view()),
    path("customers/<str:customer>/event-types/<str:name>", event_types.CustomerEventTypeView.as_view()),
    path("customers/<str:customer>/endpoints", endpoints.EndpointsView.as_view()),
    path(OF_ENDPOINT, endpoints.EndpointView.as_view()),
    path(f"{OF_ENDPOINT}/rotate-secret", endpoint_actions.RotateSecretView.as_view()),
    path(f"{OF_ENDPOINT}/pause", endpoint_actions.PauseView.as_view()),
    path(f"{OF_ENDPOINT}/verify", endpoint_actions.VerifyView.as_view()),
    path(f"{OF_ENDPOINT}/resume", endpoint_actions.ResumeView.as_view()),
    path(f"{OF_ENDPOINT}/test", endpoint_actions.TestView.as_view()),
    path(f"{OF_ENDPOINT}/stats", endpoint_actions.StatsView.as_view()),
    path(f"{OF_ENDPOINT}/payload-preview", payload_preview.PayloadPreviewView.as_view()),
    path(f"{OF_ENDPOINT}/filter-preview", filter_preview.EndpointFilterPreviewView.as_view()),
    path("customers/<str:customer>/filter-preview", filter_preview.FilterPreviewView.as_view()),
    path(f"{OF_ENDPOINT}/poll", polls.PollView.as_view()),
    path(f"{OF_ENDPOINT}/poll/answers", polls.PollAnswersView.as_view()),
    path(f"{OF_ENDPOINT}/recover", jobs.RecoverView.as_view()),
    path(f"{OF_ENDPOINT}/replay", jobs.ReplayView.as_view()),
    path("customers/<str:customer>/events", events.FeedView.as_view()),
    path("customers/<str:customer>/portal-link", portal.PortalLinkView.as_view()),
    path("event-types", event_types.EventTypesView.as_view()),
    path("event-types/<str:name>", event_types.EventTypeView.as_view()),
    path("api-versions", api_versions.ApiVersionsView.as_view()),
    path("api-versions/<str:version>", api_versions.ApiVersionView.as_view()),
    path("api-versions/<str:version>/release", api_versions.ReleaseView.as_view()),
    path("api-versions/<str:version>/changes", version_changes.VersionChangesView.as_view()),
    path("api-versions/<str:version>/changes/<str:name>", version_changes.VersionChangeView.as_view()),
    path("api-versions/<str:version>/changes/<str:name>/preview", version_changes.MappingPreviewView.as_view()),
    path("events", events.EventsView.as_view()),
    path("events/batch", events.EventBatchView.as_view()),
    path("events/<str:event>", events.EventView.as_view()),
    path("events/<str:event>/cancel", event_cancel.CancelEventView.as_view()),
    path("events/<str:event>/erase", event_erase.EraseEventView.as_view()),
    path("deliveries", deliveries.DeliveriesView.as_view()),
    path("deliveries/redeliver", jobs.BulkRedeliverView.as_view()),
    path("deliveries/cancel", jobs.BulkCancelView.as_view()),
    path("deliveries/<str:delivery>", deliveries.DeliveryView.as_view()),
    path("deliveries/<str:delivery>/attempts", attempts.AttemptsView.as_view()),
    path("deliveries/<str:delivery>/redeliver", deliveries.RedeliverView.as_view()),
    path("deliveries/<str:delivery>/signature-check", signature_check.SignatureCheckView.as_view()),
    path("failures", failure_groups.FailureGroupsView.as_view()),
    path("jobs", jobs.JobsView.as_view()),
    path("jobs/<str:job>", jobs.JobView.as_view(), name="job"),
    path("import", imports.ImportView.as_view()),
    path("jobs/<str:job>/report", imports.ReportView.as_view()),
    path("jobs/<str:job>/cancel", jobs.CancelJobView.as_view()),
    path("jobs/<str:job>/resume", jobs.ResumeJobView.as_view()),
    path("meta", meta.MetaView.as_view()),
    path("openapi.json", openapi.openapi, name="openapi"),
    path("docs", openapi.docs, name="api-docs"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/", include(api)),
    path("healthz", readiness.healthz),
    path("readyz", readiness.readyz),
    path("metrics", metrics.metrics),
    path("portal-link", portal.use_link),
]

without_transaction(urlpatterns)
