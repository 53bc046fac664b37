"""Authorisation against the local projection; owners confirm denials (GW-3).

An allowed call is forwarded, and its owner decides again. A call without the permission is refused
here; a denial on an object, or about an unknown one, is confirmed with the owner first, because the
projection may be a moment old and hidden is absent (GW-2). A token's claims count as long as
nothing newer is known of the person.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from plexus.authz.v1.authority_pb2 import ObjectRef, RecheckRequest, RecheckResponse
from plexus_access import masks
from plexus_access.engine import WITH_MEMBERS, Ask, Decision, Engine, Reason
from plexus_access.masks import Masks
from plexus_access.objects import CONVERSATION, GROUP, TENANT, Object
from plexus_access.records import Person
from plexus_access.roles import holds, permissions_of
from plexuskit.clock import Clock

from gateway.access.projection import Projection
from gateway.access.refusals import ModuleOff, PermissionMissing, PolicyForbids, hidden
from gateway.config import LimitsSection
from gateway.identity import Identity, SessionEnded
from gateway.limits import Buckets, MethodClass, RateLimited

Recheck = Callable[[RecheckRequest], Awaitable[RecheckResponse]]
"""An owner's `Authority.Recheck`, as its stub calls it."""

_KEPT: Final = 20_000
_DOUBT: Final = "doubt"
_ONLY_TOLD: Final = "token"
_NOTHING: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Verdict:
    """An answer that is no refusal.

    Attributes:
        rule: the ground: `role:member@tenant:ten_1`, or `token` where only the token is known.
        confirm: the projection denies the object; its owner decides.
    """

    rule: str
    confirm: bool = False


_BY_OWNER: Final = "owner"
"""The projection denied or did not know, and the owner decides."""


@dataclass(frozen=True, slots=True)
class _Standing:
    """Evaluation of a token with the known state of the person, and its expiry."""

    person: Person
    epoch: int
    until: datetime | None
    identity: Identity


class Access:
    """Decides for every call and every item of a stream."""

    def __init__(
        self,
        projection: Projection,
        *,
        messaging: Recheck,
        tasks: Recheck,
        directory: Recheck,
        limits: LimitsSection,
        clock: Clock,
    ) -> None:
        """Set up decisions on a projection.

        Args:
            projection: the local projection.
            messaging: confirms conversations.
            tasks: confirms projects and tasks.
            directory: reports which people, departments and groups exist.
            limits: how often a person can have a denial of this gateway confirmed.
            clock: time for the expiry of roles.
        """
        self.projection = projection
        self._messaging = messaging
        self._tasks = tasks
        self.ask_directory = directory
        self._clock = clock
        rate = limits.doubt
        self._limited = limits.enabled
        self._confirmed = Buckets(per_second=rate.per_second, burst=rate.burst, kept=limits.kept)
        self._standing: dict[str, _Standing] = {}

    def decide(self, identity: Identity, permission: str, object_: Object | None = None) -> Verdict:
        """Decide on the copy.

        Args:
            identity: the caller.
            permission: the permission.
            object_: the object; None for the tenant.

        Raises:
            PermissionMissing, ModuleOff, PolicyForbids: refused for any object.
            SessionEnded: the person may not act any more.
        """
        engine = self.projection.engine(identity.tenant_id)
        person = None if engine is None else engine.state.people.get(identity.person_id)
        if engine is None or person is None or _says_more(identity, person):
            return self._by_token(identity, permission, object_)
        decision = engine.decide(_ask(identity, permission, object_), now=self._clock.now())
        if decision.allowed:
            return Verdict(decision.rule)
        return self._refused(decision, permission)

    async def authorise(self, identity: Identity, permission: str, object_: Object | None) -> str:
        """Return the rule that grants a permission on an object: the copy's, or its owner's word.

        Refusals as for `decide` and `confirm`.
        """
        verdict = self.decide(identity, permission, object_)
        if not verdict.confirm or object_ is None:
            return verdict.rule
        await self.confirm(identity, object_)
        return _BY_OWNER

    async def confirm(self, identity: Identity, object_: Object) -> None:
        """Ask the owner about an object that the copy refuses.

        Raises:
            Hidden: the person may not know of it.
            RateLimited: the person asks too often about what is refused here.
            DependencyDown: the owner cannot be asked; nothing is guessed.
        """
        if object_.kind not in WITH_MEMBERS or not self.projection.knows(object_.kind):
            # Its owner decides in the call itself.
            return
        self.mark_stale(identity, object_)
        ask = self._messaging if object_.kind == CONVERSATION else self._tasks
        answer = await ask(
            RecheckRequest(
                tenant_id=identity.tenant_id,
                person_id=identity.person_id,
                refs=[ObjectRef(kind=object_.kind, id=object_.id)],
            )
        )
        if not (answer.verdicts and answer.verdicts[0].readable):
            raise hidden(object_.kind, object_.id)

    def mark_stale(self, identity: Identity, object_: Object) -> None:
        """Count a denial that goes to the object's owner for confirmation.

        Raises RateLimited for any object, existing or not, so that it reveals nothing.
        """
        if self.projection.knows(object_.kind):
            self.limit_doubt(identity)

    def limit_doubt(self, identity: Identity) -> None:
        """Take a token for a question to an owner about what is not allowed or not known here.

        Raises RateLimited, whatever the object is.
        """
        if not self._limited:
            return
        wait = self._confirmed.take(identity.person_id, self._clock.monotonic())
        if wait:
            raise RateLimited(
                limit=_DOUBT,
                method_class=MethodClass.READ.value,
                retry_after=timedelta(milliseconds=int(wait * 1000) + 1),
            )

    def members_of(self, identity: Identity, conversation_id: str) -> int | None:
        """Return how many members a conversation of the caller has in the copy.

        None when it is not there or the caller is no member: a hidden conversation is as unknown
        as an absent one (GW-2).
        """
        engine = self.projection.engine(identity.tenant_id)
        if engine is None:
            return None
        members = engine.state.members.get(Object(CONVERSATION, conversation_id))
        if members is None or identity.person_id not in members.people:
            return None
        return len(members.people)

    def masks(self, identity: Identity, permission: str, object_: Object | None) -> Masks:
        """Return the columns that the answer to an allowed call shows; none: all of them."""
        engine = self.projection.engine(identity.tenant_id)
        if engine is None or not engine.state.masked:
            return masks.NONE
        ask = _ask(identity, permission, object_)
        return engine.masks(ask, now=self._clock.now(), roles=identity.roles)

    @property
    def masking(self) -> bool:
        """True if any tenant hides columns."""
        return any(each.state.masked for each in self.projection.engines())

    def masks_of(self, tenant_id: str, person_id: str, roles: frozenset[str]) -> Masks:
        """Return the columns that a person is shown, by no call in particular.

        Args:
            tenant_id: of the person.
            person_id: the person.
            roles: built-in ones, for a person who is not known here yet.
        """
        engine = self.projection.engine(tenant_id)
        if engine is None or not engine.state.masked:
            return masks.NONE
        ask = Ask(person_id=person_id, permission="")
        return engine.masks(ask, now=self._clock.now(), roles=roles)

    def has_masks(self, tenant_id: str, person_id: str) -> bool:
        """Return whether any role of a person hides columns, on any object."""
        engine = self.projection.engine(tenant_id)
        if engine is None or not engine.state.masked:
            return False
        person = engine.state.people.get(person_id)
        # A person who is not known yet is evaluated again at every event.
        return person is None or bool(engine.held(person).masked)

    def masked_until(self, tenant_id: str, person_id: str) -> datetime | None:
        """Return the next instant at which a person's columns change without an event."""
        engine = self.projection.engine(tenant_id)
        return None if engine is None else engine.masked_until(person_id, now=self._clock.now())

    def is_known(self, identity: Identity) -> bool:
        """Return whether a person's roles are known as well as their token says."""
        engine = self.projection.engine(identity.tenant_id)
        person = None if engine is None else engine.state.people.get(identity.person_id)
        return person is not None and not _says_more(identity, person)

    def exists(self, tenant_id: str, object_: Object) -> bool:
        """Return whether an object of directory is known here, also one that is gone."""
        engine = self.projection.engine(tenant_id)
        return engine is not None and (
            engine.exists(object_) or (object_.kind == GROUP and object_.id in engine.state.groups)
        )

    def decision(
        self, identity: Identity, permission: str, object_: Object | None
    ) -> Decision | None:
        """Return what roles and policies say; None where the copy is behind the token.

        Membership of the object is not looked at.
        """
        engine = self.projection.engine(identity.tenant_id)
        if engine is None or not self.is_known(identity):
            return None
        return engine.decide(_ask(identity, permission, object_, loose=True), now=self._clock.now())

    def shows(self, identity: Identity, permission: str) -> bool | None:
        """Return whether objects are shown by a permission, all or none; None: it depends on each.

        Args:
            identity: of the caller.
            permission: that reads them.
        """
        engine = self.projection.engine(identity.tenant_id)
        if identity.scopes and permission not in identity.scopes:
            return False
        if engine is None or not self.is_known(identity):
            if self.policed(identity.tenant_id, permission):
                return None
            return self.grants(identity, permission)
        if engine.plainly(identity.person_id, permission):
            return True
        granted = engine.granted(_ask(identity, permission, None), now=self._clock.now())
        if not granted.allowed:
            return False
        tenant = Object(TENANT, identity.tenant_id)
        whole = engine.granted(_ask(identity, permission, tenant), now=self._clock.now()).allowed
        return True if whole and not engine.state.policies.concern(permission) else None

    def bound(self, tenant_id: str, binding_id: str) -> list[Object] | None:
        """Return the scope and the subject of a role binding; None for one that is not known."""
        engine = self.projection.engine(tenant_id)
        binding = None if engine is None else engine.state.binding(binding_id)
        if binding is None:
            return None
        return [binding.scope, Object(binding.subject.kind, binding.subject.id)]

    def person_may(self, tenant_id: str, person_id: str, permission: str) -> bool:
        """Return whether a person's roles and modules give a permission, by no token in particular.

        A person who is not known here may: their token states it.
        """
        engine = self.projection.engine(tenant_id)
        if engine is None or person_id not in engine.state.people:
            return True
        ask = Ask(person_id=person_id, permission=permission)
        return engine.granted(ask, now=self._clock.now()).allowed

    def grants(self, identity: Identity, permission: str) -> bool:
        """Return whether a token gives a permission for some object; policies are not asked."""
        engine = self.projection.engine(identity.tenant_id)
        person = None if engine is None else engine.state.people.get(identity.person_id)
        if engine is None or person is None or _says_more(identity, person):
            return holds(permission, roles=identity.roles, extra=_NOTHING, scopes=identity.scopes)
        return engine.granted(_ask(identity, permission, None), now=self._clock.now()).allowed

    def policed(self, tenant_id: str, permission: str) -> bool:
        """Return whether an attribute policy of the tenant could refuse a permission."""
        engine = self.projection.engine(tenant_id)
        return engine is not None and engine.state.policies.concern(permission)

    def timed(self, tenant_id: str, permission: str) -> bool:
        """Return whether the policies on a permission depend on the time."""
        engine = self.projection.engine(tenant_id)
        return engine is not None and engine.state.policies.timed(permission)

    def may(self, identity: Identity, permission: str, object_: Object | None) -> bool:
        """Return whether a token gives a permission on an object that its person belongs to.

        Membership is not looked at; a person whom policies cannot be asked about may nothing that
        a policy could refuse.
        """
        engine = self.projection.engine(identity.tenant_id)
        person = None if engine is None else engine.state.people.get(identity.person_id)
        if engine is None or person is None:
            return self.grants(identity, permission) and not self.policed(
                identity.tenant_id, permission
            )
        ask = replace(_ask(identity, permission, object_), belongs=True)
        return engine.decide(ask, now=self._clock.now()).allowed

    def current(self, identity: Identity) -> Identity:
        """Return an identity with the roles that the person has now, for the owners to see."""
        engine = self.projection.engine(identity.tenant_id)
        person = None if engine is None else engine.state.people.get(identity.person_id)
        if engine is None or person is None or _says_more(identity, person):
            return identity
        known = self._standing.get(identity.token_id)
        if (
            known is not None
            and known.person is person
            and known.epoch == engine.state.epoch
            and (known.until is None or self._clock.now() < known.until)
        ):
            return known.identity
        if len(self._standing) > _KEPT:
            self._standing.clear()
        standing = self._found(identity, engine, person)
        self._standing[identity.token_id] = standing
        return standing.identity

    def _found(self, identity: Identity, engine: Engine, person: Person) -> _Standing:
        now = self._clock.now()
        built_in, extra, expiries = permissions_of(person.roles), set[str](), set[datetime]()
        for permission, grants in engine.held(person).grants.items():
            for grant in grants:
                if grant.scope.kind == TENANT and grant.holds(now):
                    if permission not in built_in:
                        extra.add(permission)
                    if grant.expires_at is not None:
                        expiries.add(grant.expires_at)
        roles, guest = person.roles, person.guest
        if not extra and (roles, guest) == (identity.roles, identity.guest):
            current = identity
        else:
            said = "+".join((*sorted(roles), *sorted(extra), "guest" if guest else ""))
            current = replace(
                identity,
                roles=roles,
                extra=frozenset(extra),
                guest=guest,
                token_id=f"{identity.token_id}|{said}",
            )
        return _Standing(person, engine.state.epoch, min(expiries, default=None), current)

    def _by_token(self, identity: Identity, permission: str, object_: Object | None) -> Verdict:
        """Decide on the token's claims: nothing newer is known of the person."""
        if not holds(permission, roles=identity.roles, extra=_NOTHING, scopes=identity.scopes):
            raise PermissionMissing(permission=permission)
        return Verdict(_ONLY_TOLD, confirm=not self._belongs(identity, object_))

    def _belongs(self, identity: Identity, object_: Object | None) -> bool:
        """Return whether the projection has the person in an object, or members do not apply."""
        if object_ is None or object_.kind not in WITH_MEMBERS:
            return True
        engine = self.projection.engine(identity.tenant_id)
        return engine is not None and engine.state.belongs(identity.person_id, object_)

    def _refused(self, decision: Decision, permission: str) -> Verdict:
        if decision.reason is Reason.REACH:
            return Verdict(decision.rule, confirm=True)
        name = decision.rule.partition(":")[2]
        if decision.reason is Reason.MODULE:
            raise ModuleOff(module=name)
        if decision.reason is Reason.POLICY:
            raise PolicyForbids(policy=name)
        if decision.reason is Reason.PERSON:
            raise SessionEnded
        raise PermissionMissing(permission=permission)


def _says_more(identity: Identity, person: Person) -> bool:
    """Return whether a token is newer than the known state of the person and differs from it."""
    return (
        identity.as_of is not None
        and person.as_of is not None
        and person.as_of < identity.as_of
        and not (person.active and identity.roles == person.roles)
    )


def _ask(
    identity: Identity, permission: str, object_: Object | None, *, loose: bool = False
) -> Ask:
    return Ask(
        person_id=identity.person_id,
        permission=permission,
        object=object_,
        scopes=identity.scopes,
        app=bool(identity.api_token_id),
        second_factor=identity.second_factor,
        belongs=loose,
    )
