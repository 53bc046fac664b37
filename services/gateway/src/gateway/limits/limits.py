"""In-process, lock-free rate and concurrency limits.

A flood empties only the bucket of its sender. The bucket of a tenant comes after the person's, so
it counts only calls that the person's admitted. Limits apply to one gateway process: n processes
allow n times as much (they share nothing).
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final

import structlog
from plexuskit.buckets import Buckets
from plexuskit.clock import Clock
from plexuskit.errors import Refusal
from plexuskit.grpc import MethodInfo
from plexuskit.metrics import counter

from gateway.config import LimitsSection
from gateway.identity import Identity
from gateway.limits.classes import MethodClass, class_of
from gateway.limits.costs import ANSWER_BYTES_OF_A_CALL, items_of
from gateway.limits.mentions import Members, further_calls, further_calls_of
from gateway.limits.networks import Networks
from gateway.limits.rates import Rates
from gateway.limits.refusals import RateLimited, TooManyCalls, TooManyStreams
from gateway.limits.strangers import Attempt, Strangers
from gateway.limits.uses import Uses

LIMITED = counter(
    "plexus_gateway_limited_total",
    "Requests and items refused by a limit",
    ("limit", "method_class"),
)

STREAM: Final = "stream"
_ALL: Final = ""
_CALLS_RETRY: Final = timedelta(seconds=1)
_STREAMS_RETRY: Final = timedelta(seconds=10)

log = structlog.get_logger()


class Limits:
    """The limits of one process (GW-6, MSG-18)."""

    def __init__(self, section: LimitsSection, *, clock: Clock) -> None:
        """Set up the buckets.

        Args:
            section: rates and bounds; with `enabled` false nothing is limited.
            clock: time by which buckets fill.
        """
        self.enabled = section.enabled
        self._now: Callable[[], float] = clock.monotonic
        self._rates = Rates.of(section, kept=section.kept)
        self._of_tenant = {
            tenant: Rates.of(section.of(tenant), kept=section.kept) for tenant in section.tenants
        }
        self._refused = Buckets(
            per_second=section.refused.per_second, burst=section.refused.burst, kept=section.kept
        )
        self.strangers = Strangers(section, now=clock.monotonic, refuse=_limited_stranger)
        self._max_calls, self._max_streams = section.calls_per_person, section.streams_per_person
        self._max_all = section.streams
        self._calls = Uses(section.calls_per_person)
        self._streams = Uses(section.streams_per_person)
        self._all = Uses(section.streams)
        self._classes: dict[str, MethodClass] = {}

    def rate(self, method: MethodInfo, identity: Identity) -> None:
        """Take one token for a call of a method.

        Raises RateLimited.
        """
        if not self.enabled:
            return
        self._take(identity, self._class_of(method), 1)

    def charge(self, method: MethodInfo, identity: Identity, count: int) -> None:
        """Charge tokens for the extra cost of a call; never refuses."""
        rates, now, kind = self._rates_of(identity), self._now(), class_of(method)
        if not self.enabled or kind not in rates.person:
            return
        for buckets, key, _ in _owners(rates, identity, kind):
            buckets.charge(key, now, count)

    def answered(self, method: MethodInfo, identity: Identity | None, size: int) -> None:
        """Take tokens for the bytes of an answer, in any protocol; nothing is refused by it."""
        if identity is not None and size >= ANSWER_BYTES_OF_A_CALL:
            self.charge(method, identity, size // ANSWER_BYTES_OF_A_CALL)

    def batch(
        self, method: MethodInfo, request: bytes, identity: Identity, *, members: Members
    ) -> None:
        """Take a token for each item of a call that has taken one, or give back the one.

        Of the people or departments that a change names, 50 are one item, and so are 50 members of
        a conversation whom a message addresses as all or by department. A batch beyond a whole
        bucket empties it; it is counted without decoding it, and decoded once it has paid, to find
        such messages. Bytes that are no request are left to the owner. Raises RateLimited.
        """
        if not self.enabled:
            return
        kind = self._class_of(method)
        items = items_of(method, kind, request, maximum=self._rates_of(identity).largest(kind))
        if items > 1:
            self._take_instead(identity, kind, paid=1, count=items)
        if further := further_calls(method, request, members=members):
            paid = max(items, 1)
            self._take_instead(identity, kind, paid=paid, count=paid + further)

    def address(self, message: Any, identity: Identity, *, members: Members) -> None:
        """Take what a message of a stream costs beside its own token, or give back that.

        Raises RateLimited.
        """
        if self.enabled and (further := further_calls_of(message, members=members)):
            self._take_instead(identity, MethodClass.CHANGE, paid=1, count=1 + further)

    def items(self, identity: Identity, count: int) -> "Sequence[RateLimited | None]":
        """Take one token for each item of a stream; return a refusal or None for each.

        A refused item costs nothing, and refuses no item before it (MSG-18). All items after a
        refused one share its refusal: the rate is not checked again for them.
        """
        if not self.enabled:
            return [None] * count
        for taken in range(count):
            try:
                self._take(identity, MethodClass.CHANGE, 1)
            except RateLimited as refusal:
                left = count - taken
                limit = refusal.metadata["limit"]
                LIMITED.labels(limit, MethodClass.CHANGE).inc(left - 1)
                return [None] * taken + [refusal] * left
        return [None] * count

    def waste(self, identity: Identity, count: int) -> None:
        """Charge tokens for input on a stream that has no effect.

        That is refused items, and frames without items. Raises RateLimited: the stream must end.
        """
        if not self.enabled:
            return
        key = identity.api_token_id or identity.person_id
        wait = self._refused.take(key, self._now(), min(count, self._refused.burst))
        if wait:
            raise _limited("refused", MethodClass.CHANGE, wait)

    @property
    def networks(self) -> Networks:
        """The proxies that are believed."""
        return self.strangers.networks

    def stranger(self, peer: str, forwarded: Sequence[str] = ()) -> Attempt | None:
        """Take a token of the network of a call without a known identity; see Strangers.begin.

        Returns the attempt, which gives the token back when the call succeeds; None when nothing is
        limited. Raises RateLimited.
        """
        if not self.enabled:
            self.strangers.note(peer, forwarded)
            return None
        return self.strangers.begin(peer, forwarded)

    def named(self, method: MethodInfo, request: bytes) -> None:
        """Take a token of what a public call names; see Strangers.named. Raises RateLimited."""
        if self.enabled:
            self.strangers.named(method, request)

    def enter(self, method: MethodInfo, identity: Identity | None) -> "Leave | None":
        """Count a call or stream until the returned function is called; None: nothing was counted.

        Raises TooManyCalls, TooManyStreams.
        """
        if not self.enabled:
            return None
        who = _who(identity)
        if method.client_streaming or method.server_streaming:
            return self._enter_stream(who)
        if who == _ALL:
            return None
        if not self._calls.enter(who):
            LIMITED.labels("calls", class_of(method)).inc()
            raise TooManyCalls(most=self._max_calls, retry_after=_CALLS_RETRY)
        return Leave(self._calls, who)

    def _enter_stream(self, who: str) -> "Leave":
        if not self._all.enter(_ALL):
            raise _no_stream("process", self._max_all)
        if not self._streams.enter(who):
            self._all.leave(_ALL)
            raise _no_stream("person", self._max_streams)
        return Leave(self._streams, who, self._all)

    def _class_of(self, method: MethodInfo) -> MethodClass:
        kind = self._classes.get(method.path)
        if kind is None:
            kind = self._classes[method.path] = class_of(method)
        return kind

    def _rates_of(self, identity: Identity) -> Rates:
        return self._of_tenant.get(identity.tenant_id, self._rates)

    def _take_instead(
        self, identity: Identity, kind: MethodClass, *, paid: int, count: int
    ) -> None:
        """Take tokens in place of those that were taken.

        All or nothing: a refused caller has paid nothing, and can retry after the given time.
        """
        rates = self._rates_of(identity)
        if kind not in rates.person:
            return
        owners = _owners(rates, identity, kind)
        for buckets, key, _ in owners:
            buckets.give_back(key, min(paid, buckets.burst))
        of_tenant = paid if identity.api_token_id else min(paid, owners[0][0].burst)
        rates.tenant.give_back(identity.tenant_id, min(of_tenant, rates.tenant.burst))
        self._take(identity, kind, count)

    def _take(self, identity: Identity, kind: MethodClass, count: int) -> None:
        rates, now = self._rates_of(identity), self._now()
        if identity.api_token_id:
            self._take_of_token(rates, identity, kind, count, now)
            return
        own = rates.person.get(kind)
        if own is None:
            return
        who = identity.person_id
        count = min(count, own.burst)
        wait = own.take(who, now, count)
        if wait:
            raise _limited("person", kind, wait)
        wait = rates.tenant.take(identity.tenant_id, now, count)
        if wait:
            own.give_back(who, count)
            raise _limited("tenant", kind, wait)

    def _take_of_token(
        self, rates: Rates, identity: Identity, kind: MethodClass, count: int, now: float
    ) -> None:
        """Take tokens of an API token's own bucket and of the one that it shares (GW-9)."""
        if kind not in rates.app:
            return
        taken: list[tuple[Buckets, str, int]] = []
        owners = _owners(rates, identity, kind)
        for buckets, key, limit in (*owners, (rates.tenant, identity.tenant_id, "tenant")):
            wanted = min(count, buckets.burst)
            wait = buckets.take(key, now, wanted)
            if wait:
                # A refused caller has paid nothing.
                for other, its_key, paid in taken:
                    other.give_back(its_key, paid)
                raise _limited(limit, kind, wait)
            taken.append((buckets, key, wanted))


class Leave:
    """Releases the count of `Limits.enter` on its first call."""

    __slots__ = ("_all", "_key", "_uses")

    def __init__(self, uses: Uses, key: str, everybody: Uses | None = None) -> None:
        self._uses = uses
        self._key = key
        self._all = everybody

    def __call__(self) -> None:
        """Count one less."""
        self._uses.leave(self._key)
        if self._all is not None:
            self._all.leave(_ALL)


def _who(identity: Identity | None) -> str:
    """Return the key that counts concurrent calls and streams; all tokens of a person share one."""
    if identity is None:
        return _ALL
    return f"{identity.person_id}/tokens" if identity.api_token_id else identity.person_id


def _owners(
    rates: Rates, identity: Identity, kind: MethodClass
) -> tuple[tuple[Buckets, str, str], ...]:
    """Return the buckets that a call draws on besides the tenant's, with key and name (GW-9)."""
    if not identity.api_token_id:
        return ((rates.person[kind], identity.person_id, "person"),)
    return (
        (rates.app[kind], identity.api_token_id, "app"),
        (rates.tokens[kind], identity.person_id, "tokens"),
    )


def _limited_stranger(limit: str, wait: float) -> RateLimited:
    return _limited(limit, MethodClass.PUBLIC, wait)


def _limited(limit: str, kind: MethodClass, wait: float) -> RateLimited:
    LIMITED.labels(limit, kind).inc()
    return RateLimited(
        # Rounded up to a unit that all protocols carry: a caller who retries then is admitted.
        retry_after=timedelta(milliseconds=int(wait * 1000) + 1),
        limit=limit,
        method_class=kind.value,
    )


def _no_stream(limit: str, maximum: int) -> Refusal:
    LIMITED.labels("streams" if limit == "person" else "all_streams", STREAM).inc()
    return TooManyStreams(limit=limit, most=maximum, retry_after=_STREAMS_RETRY)
