"""Checks of a call once its request has arrived: object, columns, decision record."""

from dataclasses import dataclass
from typing import Final

import grpc
from plexus.authz.v1.options_pb2 import Requirement
from plexus_access.objects import Object
from plexuskit.grpc import MethodInfo, refused

from gateway.access import (
    Access,
    DecisionLog,
    PolicyForbids,
    Shown,
    object_at,
    object_of,
    objects_at,
)
from gateway.identity import Identity
from gateway.proxy.refusals import RequestUnreadable

_RECORDED: Final = frozenset({Requirement.EFFECT_CHANGE, Requirement.EFFECT_LOGGED})
_BY_ROLE: Final = "role"


@dataclass(frozen=True, slots=True)
class Authorized:
    """An allowed call, and the ground of the decision."""

    identity: Identity
    object: Object | None
    rule: str


class Guard:
    """Checks before and after every call of one method."""

    __slots__ = (
        "_access",
        "_also",
        "_decision_log",
        "_method",
        "_object_of",
        "_policed",
        "_recorded",
        "_shown",
    )

    def __init__(self, access: Access, decision_log: DecisionLog, method: MethodInfo) -> None:
        """Prepare the checks shared by all calls of a method.

        Raises LookupError for a requirement that cannot be read from its requests.
        """
        self._access, self._decision_log = access, decision_log
        self._method = method
        self._object_of = object_of(method)
        self._also = [
            (need.permission, object_at(method, need.resource, need.id))
            for need in method.requirement.also
        ]
        self._policed = [
            (need.permission, objects_at(method, need.resource, need.id))
            for need in method.requirement.policed
        ]
        self._recorded = method.requirement.effect in _RECORDED
        self._shown = Shown(access, method)
        if method.client_streaming and self._object_of is not None:
            raise LookupError(f"{method.path}: a stream of requests is about no single object")

    async def before(self, request: bytes, identity: Identity | None) -> Authorized | None:
        """Decide about the object of a request; None for a public call.

        Refusals as for `Access.authorise`, REQUEST_UNREADABLE and FIELD_MASKED.
        """
        if identity is None:
            return None
        self._ask_policies(request, identity)
        if self._object_of is None:
            self._check(request, identity, None)
            return Authorized(identity, None, _BY_ROLE)
        object_ = self._object_of(request)
        if object_ is None:
            raise RequestUnreadable.of(self._method)
        # A request that names nothing is its owner's to refuse, or means the caller.
        asked = object_ if object_.id else None
        rule = await self._authorise(identity, self._method.requirement.permission, asked)
        for permission, read in self._also:
            also = read(request)
            if also is not None and also.id:
                await self._authorise(identity, permission, also)
                self._check(request, identity, also)
        self._check(request, identity, asked)
        return Authorized(identity, asked, rule)

    def after(self, authorized: Authorized | None, response: bytes) -> bytes:
        """Record a call that succeeded, and return its answer with the columns that are shown."""
        self.done(authorized)
        return self.shown(authorized, response)

    def shown(self, authorized: Authorized | None, response: bytes) -> bytes:
        """Return an answer with the columns that are shown."""
        if authorized is None:
            return self._shown.answer(response, None, None)
        return self._shown.answer(response, authorized.identity, authorized.object)

    def _ask_policies(self, request: bytes, identity: Identity) -> None:
        """Ask the policies about the objects that their owner decides about (GW-10)."""
        for permission, read in self._policed:
            if not self._access.policed(identity.tenant_id, permission):
                continue
            for object_ in read(request):
                if object_.id == identity.person_id:
                    continue
                with self._decision_log.refusals(self._method, identity, object_):
                    if policy := self._access.keeps_from(identity, permission, object_):
                        raise PolicyForbids(policy=policy)

    async def _authorise(self, identity: Identity, permission: str, object_: Object | None) -> str:
        """Return the rule that grants a permission; what was decided is recorded (GW-7)."""
        with self._decision_log.refusals(self._method, identity, object_):
            rule = await self._access.authorise(identity, permission, object_)
        await self._decision_log.before(
            self._method, identity, object_=object_, rule=rule, reason=""
        )
        return rule

    def _check(self, request: bytes, identity: Identity, object_: Object | None) -> None:
        """Check that a request names nothing that is hidden from its caller (GW-3)."""
        with self._decision_log.refusals(self._method, identity, object_):
            if self._method.client_streaming:
                self._shown.check_stream(identity)
            else:
                self._shown.check(request, identity, object_)

    def done(self, authorized: Authorized | None) -> None:
        """Record a call that succeeded."""
        if self._recorded and authorized is not None:
            self._decision_log.after(
                self._method, authorized.identity, object_=authorized.object, rule=authorized.rule
            )

    def failed(self, authorized: Authorized | None, error: grpc.aio.AioRpcError) -> None:
        """Record a call that its owner refused."""
        if self._recorded and authorized is not None:
            outcome = refused(error).reason or error.code().name
            self._decision_log.after(
                self._method,
                authorized.identity,
                object_=authorized.object,
                rule=authorized.rule,
                outcome=outcome,
            )
