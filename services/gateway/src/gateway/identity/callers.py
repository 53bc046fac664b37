"""Signed caller contexts, which replace tokens in forwarded requests (GW-1)."""

import asyncio
from collections import OrderedDict
from typing import Final

from plexus.authz.v1.caller_pb2 import CallerContext
from plexuskit.clock import Clock
from plexuskit.grpc import CallerSigner, CallerTokens

from gateway.identity.person import Identity

_CACHED: Final = 20_000
_FORGET_SECONDS: Final = 5.0


class Callers:
    """Signs the caller contexts of requests; a signature is reused for half a context's life."""

    def __init__(self, signer: CallerSigner, *, clock: Clock, cached: int = _CACHED) -> None:
        """Set up signing with the gateway's key.

        Args:
            signer: the gateway's; only its signature authenticates a caller context.
            clock: time, to renew a context halfway through its life.
            cached: maximum number of kept contexts; the least recently used leave first.
        """
        self._signer = signer
        self._clock = clock
        self._size = cached
        self._anonymous = self._tokens(CallerContext(kind=CallerContext.KIND_ANONYMOUS))
        self._people: OrderedDict[str, CallerTokens] = OrderedDict()

    def signed(self, identity: Identity, *, audience: str) -> bytes:
        """Return a serialized SignedCaller of a person for the service named `audience`."""
        # A token and not a session: roles may change from one token to the next.
        tokens = self._people.get(identity.token_id)
        if tokens is None:
            tokens = self._people[identity.token_id] = self._tokens(_context(identity))
            if len(self._people) > self._size:
                self._people.popitem(last=False)
        else:
            self._people.move_to_end(identity.token_id)
        return tokens.for_audience(audience)

    def once(self, identity: Identity, *, audience: str) -> bytes:
        """Return a SignedCaller that is not cached: for rare calls."""
        if identity.token_id in self._people:
            return self.signed(identity, audience=audience)
        return self._tokens(_context(identity)).for_audience(audience)

    def __len__(self) -> int:
        """Return the number of cached contexts."""
        return len(self._people)

    def forget(self) -> None:
        """Drop contexts that were not used while their signatures were valid."""
        while self._people:
            token_id, tokens = next(iter(self._people.items()))
            if tokens.fresh:
                return
            del self._people[token_id]

    async def run(self) -> None:
        """Drop unused contexts every few seconds, until cancelled."""
        while True:
            await asyncio.sleep(_FORGET_SECONDS)
            self.forget()

    def anonymous(self, audience: str, *, network: str = "") -> bytes:
        """Return a serialized SignedCaller without a person, for public methods.

        Args:
            audience: the service it is for.
            network: network of the caller; empty if unknown.
        """
        if not network:
            return self._anonymous.for_audience(audience)
        context = CallerContext(kind=CallerContext.KIND_ANONYMOUS, network=network)
        return self._tokens(context).for_audience(audience)

    def _tokens(self, context: CallerContext) -> CallerTokens:
        return CallerTokens(self._signer, context, clock=self._clock)


def _context(identity: Identity) -> CallerContext:
    return CallerContext(
        kind=CallerContext.KIND_PERSON,
        tenant_id=identity.tenant_id,
        person_id=identity.person_id,
        session_id=identity.session_id,
        roles=sorted(identity.roles),
        api_token_id=identity.api_token_id,
        scopes=sorted(identity.scopes),
        guest=identity.guest,
        second_factor=identity.second_factor,
        extra_permissions=sorted(identity.extra),
    )
