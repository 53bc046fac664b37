"""Decisions of an owner on its own replica: roles, modules and policies (GW-9, GW-10).

Membership is checked by the owner's operations. Permissions that every member has are granted on
the gateway's word to a person who is not known here yet, as long as no policy is about them;
permissions beyond the built-in role `member` are granted by this replica alone, so that a deceived
gateway grants nothing.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final, NamedTuple, TypeVar

from plexus.authz.v1.caller_pb2 import CallerContext
from plexuskit.clock import Clock
from plexuskit.errors import Refusal
from plexuskit.grpc import MethodInfo, caller

from plexus_access import masks
from plexus_access.engine import Ask, Decision, Engine, Reason
from plexus_access.masks import Masks
from plexus_access.objects import PERSON, Object
from plexus_access.records import Person
from plexus_access.refusals import (
    AccessNotCurrent,
    AccountInactive,
    ModuleOff,
    PermissionMissing,
    PersonNotFound,
    PolicyForbids,
)
from plexus_access.replica import Replica
from plexus_access.roles import ORDINARY, permissions_of

SETTLE_SECONDS: Final = 1.0
"""Seconds that a call waits for a role that the gateway knows already and this replica does not."""
_NOTHING: Final[frozenset[str]] = frozenset()

_KEPT: Final = 200_000

_Plain = tuple[str, str, str, frozenset[str]]
"""Tenant, person, permission, scopes."""
Item = TypeVar("Item")
Need = tuple[str, Object | None]
"""A permission, and the object that it is asked for; None: the tenant."""


class Asker(NamedTuple):
    """The person on whose behalf something is done, and their means of sign-in.

    Attributes:
        tenant_id: of the person.
        person_id: the person.
        app: an API token is used.
        scopes: the permissions that the token is limited to; empty for people who signed in.
        second_factor: one was given in the session.
        roles: built-in roles on the gateway's word; empty without a call.
    """

    tenant_id: str
    person_id: str
    app: bool = False
    scopes: frozenset[str] = _NOTHING
    second_factor: bool = False
    roles: frozenset[str] = _NOTHING


def asker_of(context: CallerContext) -> Asker:
    """Return the person of a verified caller context."""
    return Asker(
        tenant_id=context.tenant_id,
        person_id=context.person_id,
        app=bool(context.api_token_id),
        scopes=frozenset(context.scopes) if context.scopes else _NOTHING,
        second_factor=context.second_factor,
        roles=frozenset(context.roles),
    )


class Decisions:
    """Decides for the calls, items and messages of one process."""

    def __init__(self, replica: Replica, *, current: Callable[[], bool], clock: Clock) -> None:
        """Set up decisions on a replica.

        Args:
            replica: replica of directory.
            current: returns whether the replica is current enough for decisions.
            clock: time for the expiry of roles and for policies.
        """
        self._replica = replica
        self._current = current
        self._clock = clock
        self._needs: dict[str, Callable[[Any], list[Need]]] = {}
        # Permissions held for the whole tenant without an end, and without a policy about them.
        self._plain: dict[_Plain, tuple[Person, int]] = {}

    def concern(self, tenant_id: str, permission: str) -> bool:
        """Return whether a policy of the tenant could refuse a permission.

        Raises:
            AccessNotCurrent: the replica is not current.
        """
        if not self._current():
            raise AccessNotCurrent
        engine = self._replica.engine(tenant_id)
        return engine is not None and engine.state.policies.concern(permission)

    def check(self, asker: Asker, permission: str, object_: Object | None = None) -> None:
        """Decide at once.

        Args:
            asker: the caller.
            permission: the permission.
            object_: the object; its membership is not checked. None: the tenant.

        Raises:
            PermissionMissing, ModuleOff, PolicyForbids, AccountInactive: refused.
            PersonNotFound: the permission is held, but not for this person.
            AccessNotCurrent: the replica is not current, or does not know the person yet.
        """
        refusal = self.refusal(asker, permission, object_)
        if refusal is not None:
            raise refusal

    def refusal(
        self, asker: Asker, permission: str, object_: Object | None = None
    ) -> Refusal | None:
        """Return the refusal that `check` would raise; None if allowed."""
        if asker.scopes and permission not in asker.scopes:
            return PermissionMissing(permission=permission)
        if not self._current():
            return AccessNotCurrent()
        engine = self._replica.engine(asker.tenant_id)
        if engine is None:
            return self._unknown(asker, permission, policed=False)
        state = engine.state
        key = (asker.tenant_id, asker.person_id, permission, asker.scopes)
        plain = self._plain.get(key)
        # Where the object is a person, a decision also finds out that there is none.
        by_person = object_ is not None and object_.kind == PERSON
        if (
            plain is not None
            and not by_person
            and plain[1] == state.epoch
            and plain[0] is state.people.get(asker.person_id)
        ):
            return None
        return self._decided(engine, key, asker, object_)

    def _decided(
        self, engine: Engine, key: _Plain, asker: Asker, object_: Object | None
    ) -> Refusal | None:
        permission = key[2]
        ask = Ask(
            person_id=asker.person_id,
            permission=permission,
            object=object_,
            scopes=asker.scopes,
            app=asker.app,
            second_factor=asker.second_factor,
            belongs=True,
        )
        decision = engine.decide(ask, now=self._clock.now())
        if decision.allowed:
            if engine.plainly(asker.person_id, permission):
                self._remember(key, engine)
            return None
        if decision.reason is Reason.PERSON and not decision.known:
            policed = engine.state.policies.concern(permission)
            return self._unknown(asker, permission, policed=policed)
        return _refusal(decision, permission, object_)

    def holds(self, asker: Asker, permission: str) -> bool:
        """Return whether roles, modules and scopes grant a permission on any object.

        Policies are not evaluated: they are about single objects.

        Raises:
            AccessNotCurrent: the replica is not current.
        """
        if asker.scopes and permission not in asker.scopes:
            return False
        if not self._current():
            raise AccessNotCurrent
        engine = self._replica.engine(asker.tenant_id)
        if engine is not None and asker.person_id in engine.state.people:
            ask = Ask(person_id=asker.person_id, permission=permission)
            return engine.granted(ask, now=self._clock.now()).allowed
        return permission in ORDINARY and permission in permissions_of(asker.roles)

    def allows(self, asker: Asker, needs: Iterable[Need]) -> bool:
        """Return whether every need is allowed.

        Raises:
            AccessNotCurrent: the replica is not current; nothing is guessed.
        """
        for permission, object_ in needs:
            refusal = self.refusal(asker, permission, object_)
            if isinstance(refusal, AccessNotCurrent):
                raise refusal
            if refusal is not None:
                return False
        return True

    def masks(self, asker: Asker, permission: str, object_: Object | None = None) -> Masks:
        """Return the columns that the asker sees through a permission; none: all of them.

        Raises:
            AccessNotCurrent: the replica is not current.
        """
        if not self._current():
            raise AccessNotCurrent
        engine = self._replica.engine(asker.tenant_id)
        if engine is None or not engine.state.masked:
            return masks.NONE
        ask = Ask(person_id=asker.person_id, permission=permission, object=object_)
        return engine.masks(ask, now=self._clock.now(), roles=asker.roles)

    def visible(
        self,
        asker: Asker,
        permission: str,
        kind: str,
        items: Iterable[Item],
        id_of: Callable[[Item], str],
    ) -> list[Item]:
        """Return the items of a list that the asker may see by policies.

        Args:
            asker: the caller.
            permission: permission to read one item.
            kind: kind of the objects.
            items: items that their owner would show.
            id_of: returns the id of an item.

        Raises:
            AccessNotCurrent: the replica is not current.
        """
        if not self.concern(asker.tenant_id, permission):
            return list(items)
        return [
            each for each in items if self.allows(asker, [(permission, Object(kind, id_of(each)))])
        ]

    async def settled(self, asker: Asker, permission: str, object_: Object | None = None) -> None:
        """Decide, and wait up to a second for a role or person that is on its way here.

        Arguments and refusals as for `check`.
        """
        refusal = self.refusal(asker, permission, object_)
        if isinstance(refusal, _MAY_BE_LATE):
            with suppress(TimeoutError):
                async with asyncio.timeout(SETTLE_SECONDS):
                    while refusal is not None:
                        await self._replica.changed()
                        refusal = self.refusal(asker, permission, object_)
        if refusal is not None:
            raise refusal

    async def authorise(self, method: MethodInfo, request: Any) -> None:
        """Decide about a call by its contract's requirements; refusals as for `check`.

        The operation decides the items of a batch one by one.
        """
        if not method.requirement.permission:
            return
        needs = self._needs.get(method.path)
        if needs is None:
            needs = self._needs[method.path] = needs_of(method)
        asker = asker_of(caller())
        for permission, object_ in needs(request):
            await self.settled(asker, permission, object_)

    def _remember(self, key: _Plain, engine: Engine) -> None:
        if len(self._plain) >= _KEPT:
            self._plain.clear()
        self._plain[key] = (engine.state.people[key[1]], engine.state.epoch)

    def _unknown(self, asker: Asker, permission: str, *, policed: bool) -> Refusal | None:
        """Decide about a person who is not known here yet."""
        if not policed and permission in ORDINARY and permission in permissions_of(asker.roles):
            return None
        return AccessNotCurrent()


_MAY_BE_LATE: Final = (PermissionMissing, PersonNotFound, AccountInactive, AccessNotCurrent)


def needs_of(method: MethodInfo) -> Callable[[Any], list[Need]]:
    """Return the function that reads the needs of a method's requests."""
    required = method.requirement
    named = [(required.permission, required.resource, required.id)]
    named += [(each.permission, each.resource, each.id) for each in required.also]
    readers = [(permission, kind, id_.split(".") if id_ else []) for permission, kind, id_ in named]

    def needs(request: Any) -> list[Need]:
        return [
            (permission, _object(request, kind, path) if path else None)
            for permission, kind, path in readers
        ]

    return needs


def _object(request: Any, kind: str, path: list[str]) -> Object | None:
    """Return the object that a request names; None where the field is empty."""
    found = request
    for name in path:
        found = getattr(found, name)
    return Object(kind, found) if found else None


def _refusal(decision: Decision, permission: str, object_: Object | None) -> Refusal:
    name = decision.rule.partition(":")[2]
    if decision.reason is Reason.MODULE:
        return ModuleOff(module=name)
    if decision.reason is Reason.POLICY:
        return PolicyForbids(policy=name)
    if decision.reason is Reason.PERSON:
        return AccountInactive()
    if decision.reason is Reason.REACH and object_ is not None and object_.kind == PERSON:
        return PersonNotFound()
    return PermissionMissing(permission=permission)
