"""OpenID provider settings of the company, and linking of its accounts to people."""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import SplitResult, urlsplit

from plexuskit.errors import InvalidArgument, VersionConflict
from plexuskit.names import clean_line

from directory.people.domain.people import Kind, Person
from directory.shared.domain.ids import PersonId, ProviderId, TenantId
from directory.sign_in.domain.refusals import RedirectNotAllowed

MAX_PROVIDERS: Final = 10
# Time a browser may take for the way to the provider and back.
ATTEMPT_LIFETIME: Final = timedelta(minutes=10)
RANDOM_BYTES: Final = 32
SUBJECT: Final = "sub"
_MAX_TEXT: Final = 500
_MAX_URIS: Final = 20
_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_CLAIM: Final = re.compile(r"[A-Za-z0-9_.:/-]{1,100}")
_DOMAIN: Final = re.compile(r"(?=.{1,253}$)[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """An OpenID provider whose word counts; the client secret is stored encrypted."""

    tenant_id: TenantId
    id: ProviderId
    name: str
    issuer: str
    client_id: str
    redirect_uris: tuple[str, ...]
    subject_claim: str
    email_domains: tuple[str, ...]
    sealed_secret: bytes = field(default=b"", repr=False)
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A browser on its way; the values returned by provider and client are compared with it.

    Attributes:
        key: SHA-256 of `state`.
        proof: SHA-256 of the secret that the client kept and never sent through a browser.
        nonce: must come back in the id token.
        code_verifier: of PKCE (RFC 7636).
    """

    key: bytes = field(repr=False)
    proof: bytes = field(repr=False)
    tenant_id: TenantId
    provider_id: ProviderId
    nonce: str = field(repr=False)
    code_verifier: str = field(repr=False)
    redirect_uri: str
    device: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Identity of a user at a provider, from a verified id token.

    Attributes:
        value: the provider's subject claim.
        email: only an address that the provider has verified; else empty.
        second_factor: true if the provider states that it asked for one.
    """

    value: str
    email: str
    second_factor: bool


def check(provider: Provider, *, previous: Provider | None, expected_version: int) -> None:
    """Check the requested settings of a provider.

    Raises:
        VersionConflict: `expected_version` is not the current one (0 for a new provider).
        InvalidArgument: the value of a field is not allowed.
    """
    current = previous.version if previous else 0
    if expected_version != current:
        raise VersionConflict(expected_version=expected_version, current_version=current)
    _matches(_ID, provider.id, field="id")
    _matches(_CLAIM, provider.subject_claim, field="subject_claim")
    for name, value in (("name", provider.name), ("client_id", provider.client_id)):
        if not clean_line(value, field=name, max_chars=_MAX_TEXT):
            raise InvalidArgument(field=name, problem="is empty")
    check_address(provider.issuer, field="issuer")
    if not 0 < len(provider.redirect_uris) <= _MAX_URIS:
        raise InvalidArgument(field="redirect_uris", problem=f"must be 1 to {_MAX_URIS}")
    for uri in provider.redirect_uris:
        check_address(uri, field="redirect_uris")
    if len(provider.email_domains) > _MAX_URIS:
        raise InvalidArgument(field="email_domains", problem=f"holds more than {_MAX_URIS}")
    for domain in provider.email_domains:
        _matches(_DOMAIN, domain, field="email_domains")


def check_address(url: str, *, field: str) -> None:
    """Check an address: https, or http on this very machine; nothing after the path.

    Raises:
        InvalidArgument: it is another.
    """
    parts = _split(url)
    if parts is None or len(url) > _MAX_TEXT:
        raise InvalidArgument(field=field, problem="is not an address")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts)):
        raise InvalidArgument(field=field, problem="must begin with https://")


def check_redirect(provider: Provider, redirect_uri: str) -> None:
    """Check the redirect address: a registered one, or a native client's own port.

    A native client listens on a free port of the loopback address (RFC 8252), so for that the
    port may be any where the provider has a loopback address; everything else is compared exactly.

    Raises:
        RedirectNotAllowed: it is another address.
    """
    if redirect_uri in provider.redirect_uris:
        return
    asked = _split(redirect_uri)
    if asked is None or asked.scheme != "http" or not _is_loopback_literal(asked):
        raise RedirectNotAllowed
    registered = [_split(uri) for uri in provider.redirect_uris]
    if not any(
        each is not None
        and (each.scheme, each.hostname, each.path) == ("http", asked.hostname, asked.path)
        for each in registered
    ):
        raise RedirectNotAllowed


def is_loopback(parts: SplitResult) -> bool:
    """Return whether an address is on this machine."""
    return parts.hostname == "localhost" or _is_loopback_literal(parts)


def linkable_by_email(
    provider: Provider, subject: Subject, people: Sequence[Person]
) -> Person | None:
    """Choose the person to link by a verified address; None unless exactly one is possible.

    In: all people of the tenant with the address. Several people who share it, people linked with
    another subject of the provider, and service accounts are never linked.
    """
    domain = subject.email.rpartition("@")[2].lower()
    active = [person for person in people if person.active]
    # Letters that look alike make two addresses seem one: plain ASCII is compared, or nothing.
    if not subject.email.isascii() or domain not in provider.email_domains or len(active) != 1:
        return None
    (person,) = active
    if person.kind in {Kind.SERVICE_ACCOUNT, Kind.BOOTSTRAP}:
        return None
    return None if person.external_id.startswith(f"{provider.id}:") else person


def external_id(provider: Provider, subject: Subject) -> str:
    """Return the external id that a feed uses for a subject: `<provider id>:<subject>`."""
    return f"{provider.id}:{subject.value}"


def link_id(provider: Provider, value: str) -> str:
    """Return the id of the link between a subject of a provider and a person."""
    return f"{provider.tenant_id}:{provider.id}:{value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A subject of a provider that was linked by a verified address."""

    id: str
    tenant_id: TenantId
    provider_id: ProviderId
    person_id: PersonId
    linked_at: datetime


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return None
    plain = not parts.query and not parts.fragment and "#" not in url and "@" not in parts.netloc
    printable = url.isascii() and url.isprintable() and " " not in url
    return parts if host and plain and printable else None


def _is_loopback_literal(parts: SplitResult) -> bool:
    try:
        return ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


def _matches(pattern: re.Pattern[str], value: str, *, field: str) -> None:
    if not pattern.fullmatch(value):
        raise InvalidArgument(field=field, problem="holds what it may not")
