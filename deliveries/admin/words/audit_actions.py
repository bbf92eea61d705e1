"""What was done, as a person reads it: `endpoint.pause` is "Endpoint paused".

What lives here: words for each action of the audit trail. It must not know who writes entries, nor pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from django.utils.translation import gettext, gettext_noop

ACTIONS: Mapping[str, str] = MappingProxyType(
    {
        "api_key.create": gettext_noop("API key made"),
        "api_key.revoke": gettext_noop("API key revoked"),
        "api_version.create": gettext_noop("API version made"),
        "api_version.update": gettext_noop("API version changed"),
        "api_version.change": gettext_noop("Change of an event type kept with an API version"),
        "api_version.unchange": gettext_noop("Change of an event type taken from an API version"),
        "api_version.release": gettext_noop("API version released"),
        "api_version.delete": gettext_noop("API version deleted"),
        "customer.create": gettext_noop("Customer made"),
        "customer.update": gettext_noop("Customer changed"),
        "customer.brand": gettext_noop("Brand changed"),
        "customer.dismiss_first_steps": gettext_noop("First steps dismissed"),
        "customer.export": gettext_noop("Data of the customer exported"),
        "customer.move": gettext_noop("Customer moved to another cell"),
        "customer.delete": gettext_noop("Customer deleted"),
        "customer.erase": gettext_noop("Log of the customer erased"),
        "delivery.redeliver": gettext_noop("Delivery sent again"),
        "delivery.export": gettext_noop("Deliveries exported"),
        "endpoint.create": gettext_noop("Endpoint registered"),
        "endpoint.update": gettext_noop("Endpoint changed"),
        "endpoint.pause": gettext_noop("Endpoint paused"),
        "endpoint.disable": gettext_noop("Endpoint disabled"),
        "endpoint.resume": gettext_noop("Endpoint resumed"),
        "endpoint.rotate_secret": gettext_noop("Secret rotated"),
        "endpoint.test": gettext_noop("Test event sent"),
        "endpoint.verify": gettext_noop("URL asked again"),
        "endpoint.delete": gettext_noop("Endpoint deleted"),
        "event.cancel": gettext_noop("Event cancelled"),
        "event.erase": gettext_noop("Content of an event erased"),
        "event_type.create": gettext_noop("Event type registered"),
        "event_type.update": gettext_noop("Event type changed"),
        "event_type.delete": gettext_noop("Event type deleted"),
        "failure.acknowledge": gettext_noop("Failure acknowledged"),
        "failure.reopen": gettext_noop("Failure opened again"),
        "job.redeliver": gettext_noop("Many sent again"),
        "job.recover": gettext_noop("What failed sent again"),
        "job.replay": gettext_noop("What was never sent is sent"),
        "job.cancel_deliveries": gettext_noop("Waiting deliveries cancelled"),
        "job.erase": gettext_noop("Erasure of a customer begun"),
        "job.import": gettext_noop("Import begun"),
        "job.cancel": gettext_noop("Job cancelled"),
        "job.resume": gettext_noop("Job resumed"),
        "keys.rotate": gettext_noop("Secrets sealed with the new key"),
        "member.add": gettext_noop("Member added"),
        "member.invite": gettext_noop("Member invited"),
        "member.join": gettext_noop("Invitation accepted"),
        "member.login_link": gettext_noop("Password link of a member made"),
        "member.mail": gettext_noop("Mail choices changed"),
        "member.role": gettext_noop("Role of a member changed"),
        "member.remove": gettext_noop("Member removed"),
        "group.create": gettext_noop("Group made"),
        "group.update": gettext_noop("Group changed"),
        "group.remove": gettext_noop("Group removed"),
        "invitation.withdraw": gettext_noop("Invitation withdrawn"),
        "lockout.end": gettext_noop("Lock-out ended"),
        "password.set": gettext_noop("Password set"),
        "portal_link.create": gettext_noop("Portal link made"),
        "portal_link.use": gettext_noop("Portal link used"),
        "second_factor.add": gettext_noop("Second factor set up"),
        "second_factor.backup_codes": gettext_noop("Backup codes made anew"),
        "second_factor.remove": gettext_noop("Second factor removed"),
        "staff.invite": gettext_noop("Invited to staff"),
        "staff.password_link": gettext_noop("Password link of staff made"),
        "staff.role": gettext_noop("Role of staff changed"),
        "staff.on": gettext_noop("Staff switched on"),
        "staff.off": gettext_noop("Staff switched off"),
        "staff.end_sessions": gettext_noop("Staff logged out everywhere"),
        "staff.make": gettext_noop("Staff made at the first log-in by the provider"),
        "staff.link": gettext_noop("Staff tied to the provider"),
        "staff.log_in": gettext_noop("Staff logged in by the provider"),
        "staff.log_in_refused": gettext_noop("Log-in by the provider refused"),
        "user.create": gettext_noop("User made"),
        "user.update": gettext_noop("User changed"),
        "user.remove": gettext_noop("User removed"),
    }
)
# Of no customer.
OPERATORS = ("api_version.", "keys.", "second_factor.", "group.", "lockout.", "password.", "staff.", "user.")


def action_in_words(action: str) -> str:
    """Return what an action was; one that is not known as it is."""
    return gettext(ACTIONS[action]) if action in ACTIONS else action


def action_choices(*, is_operator: bool) -> list[tuple[str, str]]:
    """Return the actions that somebody may look for, by their words; of the operator's own to the operator alone."""
    known = [action for action in ACTIONS if is_operator or not action.startswith(OPERATORS)]
    return sorted(((action, action_in_words(action)) for action in known), key=lambda each: each[1].casefold())
