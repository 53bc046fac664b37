"""Limits of calls without an identity: by network address, by handle, by session (GW-13).

Only what fails counts in the long run. A call takes its tokens when it begins, so that no flood of
calls at once passes by, and gives them back when it succeeds: an office behind one address signs in
and reconnects without a refusal, and made-up tokens and guessed passwords run out. Success that
proves nothing (anyone may ask how to sign in) and success that could go on for ever (a session that
is refreshed in a loop) have buckets of their own, to which nothing is given back.
"""

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from hashlib import blake2b
from typing import Final

from google.protobuf.message import DecodeError
from plexuskit import bounds
from plexuskit.buckets import Buckets
from plexuskit.grpc import MethodInfo

from gateway.config import LimitsSection, RateSection
from gateway.limits.networks import Networks

HANDLE: Final = "handle"
ADDRESS: Final = "address"
REFRESH: Final = "refresh"
OPTIONS: Final = "options"
_SERVICE: Final = "/plexus.directory.v1.SessionService"
# These succeed for anyone, so their success proves nothing; the sign-in that follows does.
_BEGINNINGS: Final = frozenset({f"{_SERVICE}/BeginSingleSignOn"})
_ENDINGS: Final = frozenset({f"{_SERVICE}/CompleteSingleSignOn"})
# Public questions that anyone asks before signing in.
_ASKED_BY_ALL: Final = frozenset({f"{_SERVICE}/ListSignInOptions"})
_REFRESH: Final = f"{_SERVICE}/RefreshSession"
_TOKEN: Final = "refresh_token"  # noqa: S105 -- names a field
# The family of a refresh token, which its successors share: 16 bytes of base64 (`parse` of
# directory reads it). The next character
# has bits of the secret.
_FAMILY: Final = 21
_ONE_ALPHABET: Final = str.maketrans("+/", "-_")

_attempt: "ContextVar[Attempt | None]" = ContextVar("gateway_attempt", default=None)


def network_of_call() -> str:
    """Return the network of the call without an identity that is being served; empty for none."""
    attempt = _attempt.get()
    return attempt.network if attempt is not None else ""


Refuse = Callable[[str, float], Exception]
"""Makes the refusal of a limit by its name and the seconds to wait."""


class Attempt:
    """One call without an identity: the tokens it took, returned if it succeeds."""

    __slots__ = ("_taken", "network")

    def __init__(self, network: str) -> None:
        self.network = network
        self._taken: list[tuple[Buckets, str]] = []

    def took(self, buckets: Buckets, key: str) -> None:
        """Record a token that was taken for this call."""
        self._taken.append((buckets, key))

    def succeeded(self, method: MethodInfo) -> None:
        """Return the tokens to their buckets: identified callers are counted elsewhere."""
        if method.path in _BEGINNINGS:
            return
        for buckets, key in self._taken:
            buckets.give_back(key, 2 if method.path in _ENDINGS else 1)
        self._taken.clear()


class Strangers:
    """Buckets of network addresses, and of handles as each network tries them."""

    def __init__(self, section: LimitsSection, *, now: Callable[[], float], refuse: Refuse) -> None:
        """Set up the buckets.

        Args:
            section: rates, trusted proxies and the networks of companies.
            now: seconds of a monotonic clock.
            refuse: makes and counts a refusal.
        """
        self.networks = Networks(section.trusted_proxies)
        self._companies = Networks(section.company_networks)
        self._now = now
        self._refuse = refuse
        self._address = self._of_networks(section.address, section)
        self._handle = _buckets(section.handle, kept=section.kept)
        self._refresh = _buckets(section.refresh, kept=section.kept)
        self._options = self._of_networks(section.options, section)

    def begin(self, peer: str, forwarded: Sequence[str]) -> Attempt:
        """Take a token of the caller's network; raise the refusal if there is none.

        Args:
            peer: the connected address; see `Networks.of`.
            forwarded: the call's `X-Forwarded-For` headers.
        """
        attempt = self.note(peer, forwarded)
        self._take(attempt, self._address(attempt.network), ADDRESS, attempt.network)
        return attempt

    def note(self, peer: str, forwarded: Sequence[str]) -> Attempt:
        """Record the network of the call that is being served, without taking tokens."""
        attempt = Attempt(self.networks.of(peer, forwarded))
        _attempt.set(attempt)
        return attempt

    def named(self, method: MethodInfo, request: bytes) -> None:
        """Take a token of what a public call names: a handle, a session, or nothing in particular.

        A handle counts for the call's network: another network cannot use up the tokens of its
        owner. Neither handle nor refresh token is stored.
        """
        attempt = _attempt.get() or Attempt("")
        if method.path in _ASKED_BY_ALL:
            self._spend(self._options(attempt.network), OPTIONS, attempt.network)
        elif method.path == _REFRESH:
            # Directory reads both alphabets of base64.
            family = self._read(method, request, _TOKEN)[:_FAMILY].translate(_ONE_ALPHABET)
            if family:
                self._spend(self._refresh, REFRESH, _digest(family))
        elif HANDLE in method.request_class.DESCRIPTOR.fields_by_name:
            asked = self._read(method, request, HANDLE)
            key = _digest(f"{attempt.network}\0{asked.strip().casefold()}")
            self._take(attempt, self._handle, HANDLE, key)

    def is_trusted(self, peer: str) -> bool:
        """Return whether a trusted proxy has connected."""
        return bool(self.networks) and self.networks.include(Networks(()).of(peer))

    def is_company(self, network: str) -> bool:
        """Return whether a network is configured as a company's."""
        return bool(self._companies) and self._companies.include(network)

    def _of_networks(self, rate: RateSection, section: LimitsSection) -> Callable[[str], Buckets]:
        """Return the function that gives the buckets of a network: a company's are larger."""
        ordinary = _buckets(rate, kept=section.kept)
        company = _buckets(rate, kept=section.kept, times=section.company_allowance)
        return lambda network: company if self.is_company(network) else ordinary

    def _read(self, method: MethodInfo, request: bytes, field: str) -> str:
        """Return a field of a request; empty for bytes that its owner refuses."""
        try:
            value: str = getattr(bounds.read(method.request_class, request), field)
        except DecodeError:
            return ""
        return value

    def _spend(self, buckets: Buckets, limit: str, key: str) -> None:
        """Take a token that success does not give back."""
        wait = buckets.take(key, self._now())
        if wait:
            raise self._refuse(limit, wait)

    def _take(self, attempt: Attempt, buckets: Buckets, limit: str, key: str) -> None:
        wait = buckets.take(key, self._now())
        if wait:
            raise self._refuse(limit, wait)
        attempt.took(buckets, key)


def _digest(name: str) -> str:
    return blake2b(name.encode(), digest_size=16).hexdigest()


def _buckets(rate: RateSection, *, kept: int, times: int = 1) -> Buckets:
    return Buckets(per_second=rate.per_second * times, burst=rate.burst * times, kept=kept)
