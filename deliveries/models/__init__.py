"""The tables. Rows only: no network, no signals, no work in `save()`.

By what they are about; the first line of each file says what lives there.

the log        log rollup failure_groups
the queue      queue poll_leases
customers      customers members api_keys endpoints challenges retests event_types api_versions access_tokens brands
               portal
people         log_ins second_factor staff_identities
what was done  audit jobs imports alerts
all tables     base clock keyring visible
"""

from deliveries.models.access_tokens import AccessToken
from deliveries.models.alerts import Alert
from deliveries.models.api_keys import ApiKey
from deliveries.models.api_versions import ApiVersion, VersionChange
from deliveries.models.audit import AuditEntry
from deliveries.models.brands import BrandPicture
from deliveries.models.challenges import Challenge
from deliveries.models.customers import Customer
from deliveries.models.endpoints import Endpoint, EndpointSecret
from deliveries.models.event_types import EventType
from deliveries.models.failure_groups import FailureGroup
from deliveries.models.imports import ImportLine
from deliveries.models.jobs import Job
from deliveries.models.log import Attempt, Delivery, Event
from deliveries.models.log_ins import LogIn, PasswordMail
from deliveries.models.members import Invitation, Member
from deliveries.models.poll_leases import PollLease
from deliveries.models.portal import PortalLink
from deliveries.models.queue import DueDelivery, FanOut, IdempotencyKey, Lane, Worker
from deliveries.models.retests import Retest
from deliveries.models.rollup import EndpointHour, Watermark
from deliveries.models.second_factor import SecondFactor
from deliveries.models.staff_identities import StaffIdentity

__all__ = [
    "AccessToken",
    "Alert",
    "ApiKey",
    "ApiVersion",
    "Attempt",
    "AuditEntry",
    "BrandPicture",
    "Challenge",
    "Customer",
    "Delivery",
    "DueDelivery",
    "Endpoint",
    "EndpointHour",
    "EndpointSecret",
    "Event",
    "EventType",
    "FailureGroup",
    "FanOut",
    "IdempotencyKey",
    "ImportLine",
    "Invitation",
    "Job",
    "Lane",
    "LogIn",
    "Member",
    "PasswordMail",
    "PollLease",
    "PortalLink",
    "Retest",
    "SecondFactor",
    "StaffIdentity",
    "VersionChange",
    "Watermark",
    "Worker",
]
