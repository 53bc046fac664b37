"""Limits of calls without an identity: by network address, and by handle and network (GW-13).

Only what fails counts in the long run. A call takes its tokens when it begins, so that no flood of
calls at once passes by, and gives them back when it succeeds: an office behind one address signs in
and reconnects without a refusal, and made-up tokens and guessed passwords run out.
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
# These succeed for anyone, so their success proves nothing; the sign-in that follows does.
_BEGINNINGS: Final = frozenset({"/plexus.directory.v1.SessionService/BeginSingleSignOn"})
_ENDINGS: Final = frozenset({"/plexus.directory.v1.SessionService/CompleteSingleSignOn"})

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
        self._address = _buckets(section.address, kept=section.kept)
        self._company = _buckets(
            section.address, kept=section.kept, times=section.company_allowance
        )
        self._handle = _buckets(section.handle, kept=section.kept)

    def begin(self, peer: str, forwarded: Sequence[str]) -> Attempt:
        """Take a token of the caller's network; raise the refusal if there is none.

        Args:
            peer: the connected address; see `Networks.of`.
            forwarded: the call's `X-Forwarded-For` headers.
        """
        attempt = self.note(peer, forwarded)
        self._take(attempt, self._of(attempt.network), ADDRESS, attempt.network)
        return attempt

    def note(self, peer: str, forwarded: Sequence[str]) -> Attempt:
        """Record the network of the call that is being served, without taking tokens."""
        attempt = Attempt(self.networks.of(peer, forwarded))
        _attempt.set(attempt)
        return attempt

    def handle(self, method: MethodInfo, request: bytes) -> None:
        """Take a token of the handle with which the call's network tries to sign in, if any.

        The handle itself is not stored. Another network cannot use up the tokens of its owner.
        """
        if HANDLE not in method.request_class.DESCRIPTOR.fields_by_name:
            return
        try:
            asked = getattr(bounds.read(method.request_class, request), HANDLE)
        except DecodeError:
            return
        attempt = _attempt.get() or Attempt("")
        word = f"{attempt.network}\0{asked.strip().casefold()}"
        key = blake2b(word.encode(), digest_size=16).hexdigest()
        self._take(attempt, self._handle, HANDLE, key)

    def is_trusted(self, peer: str) -> bool:
        """Return whether a trusted proxy has connected."""
        return bool(self.networks) and self.networks.include(Networks(()).of(peer))

    def is_company(self, network: str) -> bool:
        """Return whether a network is configured as a company's."""
        return bool(self._companies) and self._companies.include(network)

    def _of(self, network: str) -> Buckets:
        return self._company if self.is_company(network) else self._address

    def _take(self, attempt: Attempt, buckets: Buckets, limit: str, key: str) -> None:
        wait = buckets.take(key, self._now())
        if wait:
            raise self._refuse(limit, wait)
        attempt.took(buckets, key)


def _buckets(rate: RateSection, *, kept: int, times: int = 1) -> Buckets:
    return Buckets(per_second=rate.per_second * times, burst=rate.burst * times, kept=kept)
