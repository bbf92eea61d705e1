"""The provider that staff log in by (OpenID Connect), among the settings.

What lives here: its variables; conf.py has them with all others. It must not know Django.
"""

from __future__ import annotations

from dataclasses import dataclass

from deliveries.address_variables import web_url
from deliveries.brand_settings import BrandSettings
from deliveries.variables import between, choice, setting, text, truth, words

ROLES = ("viewer", "support", "operator", "owner")


def staff_roles(raw: str) -> tuple[tuple[str, str], ...]:
    """group=role, comma separated; a role is viewer, support, operator or owner"""
    pairs, group_and_role = [], ""
    for part in raw.split(","):  # a group may hold commas, as distinguished names do: the role ends it
        group_and_role = f"{group_and_role},{part}" if group_and_role else part
        group, _, role = group_and_role.rpartition("=")
        if group.strip() and role.strip() in ROLES:
            pairs.append((group.strip(), role.strip()))
            group_and_role = ""
    if group_and_role.strip():
        raise ValueError(f"{group_and_role.strip()!r} is not group=role; roles are {', '.join(ROLES)}")
    return tuple(pairs)


def scopes(raw: str) -> tuple[str, ...]:
    """words with spaces between them"""
    return tuple(dict.fromkeys(("openid", *raw.split())))


def claim(raw: str) -> str:
    """text"""
    if not raw.strip():
        raise ValueError("names no claim")
    return raw.strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcSettings(BrandSettings):
    """Who says who somebody of staff is, besides their password."""

    oidc_issuer: str = setting(
        "HOOKPOST_OIDC_ISSUER",
        "",
        web_url("https", "http"),
        "`iss` of the OpenID Connect provider that staff log in by, as it writes it itself; empty: none.",
    )
    oidc_client_id: str = setting("HOOKPOST_OIDC_CLIENT_ID", "", text, "What this installation is called there.")
    oidc_client_secret: str = setting(
        "HOOKPOST_OIDC_CLIENT_SECRET", "", text, "Its secret there; empty: a public client, by PKCE alone."
    )
    oidc_client_auth: str = setting(
        "HOOKPOST_OIDC_CLIENT_AUTH", "basic", choice("basic", "post"), "How the secret is told to the provider."
    )
    oidc_name: str = setting(
        "HOOKPOST_OIDC_NAME", "", text, "What staff call the provider, for the button; empty: single sign-on."
    )
    oidc_scopes: tuple[str, ...] = setting(
        "HOOKPOST_OIDC_SCOPES", "openid profile email", scopes, "What the provider is asked for; `openid` always."
    )
    oidc_role_claim: str = setting(
        "HOOKPOST_OIDC_ROLE_CLAIM",
        "groups",
        claim,
        "The claim with somebody's groups; `.` leads into one, as in `realm_access.roles`.",
    )
    oidc_roles: tuple[tuple[str, str], ...] = setting(
        "HOOKPOST_OIDC_ROLES",
        "",
        staff_roles,
        "Which group has which role here, the highest counts; `*` is everybody with an account there.",
    )
    oidc_link_by_email: bool = setting(
        "HOOKPOST_OIDC_LINK_BY_EMAIL",
        "false",
        truth,
        "Whether a first log-in takes over the account of the same verified address; never an owner's.",
    )
    oidc_passwords: str = setting(
        "HOOKPOST_OIDC_PASSWORDS",
        "all",
        choice("all", "owners", "none"),
        "Who of staff may log in by password besides; nobody may who has logged in by the provider.",
    )
    oidc_second_factor: tuple[str, ...] = setting(
        "HOOKPOST_OIDC_SECOND_FACTOR",
        "",
        words,
        "Values of `amr` or `acr` that stand for a second factor, such as `mfa`; empty: ours is asked for.",
    )
    oidc_session_hours: int = setting(
        "HOOKPOST_OIDC_SESSION_HOURS",
        "12",
        between(1, 336),
        "After which staff are sent to the provider anew, which says again what their role is.",
    )
