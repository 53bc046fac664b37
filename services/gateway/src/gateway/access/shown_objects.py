"""Objects in an answer, each decided by its own id, whatever the call was about (GW-9, GW-10).

The contracts say which messages show an object, by which permission and under which id
(`plexus.columns.v1.Columns`). In answers to reads, lists leave out the people, departments and
groups that a policy refuses. Of every other object that the caller may not read only ids and
versions remain. Callers to whom their roles show everything, in tenants without policies on that,
get the bytes of the owner: nothing is decoded.
"""

import enum
from collections.abc import Iterator, Sequence
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from plexus.authz.v1.options_pb2 import Requirement
from plexus_access.clearing import concerned, messages_of
from plexus_access.columns import IDENTIFYING, relation_of
from plexus_access.engine import Reason
from plexus_access.objects import Object
from plexus_access.refusals import AccessNotCurrent
from plexuskit.grpc import MethodInfo
from plexuskit.turns import in_turns

from gateway.access.access import Access
from gateway.access.directory import DECIDED_AT_ONCE, KINDS, DirectoryPolicies
from gateway.access.refusals import PolicyForbids
from gateway.identity import Identity

_MESSAGE: Final = FieldDescriptor.TYPE_MESSAGE
_ID: Final = "id"
_READS: Final = frozenset({Requirement.EFFECT_UNSPECIFIED, Requirement.EFFECT_PRIVILEGED_READ})


class _Verdict(enum.Enum):
    SHOWN = "shown"
    POLICY = "policy"
    UNKNOWN = "unknown"
    HIDDEN = "hidden"


class ShownObjects:
    """Decisions about the objects in the answers of one method."""

    __slots__ = ("_access", "_by_permission", "_directory", "_held", "_leading", "_reads")

    def __init__(self, access: Access, directory: DirectoryPolicies, method: MethodInfo) -> None:
        """Take the method and what decides about its callers."""
        self._access, self._directory = access, directory
        required = method.requirement
        self._held = {required.permission, *(need.permission for need in required.also)}
        self._reads = required.effect in _READS
        self._by_permission: dict[str, list[Descriptor]] = {}
        for each in () if required.public else concerned(method.response_class.DESCRIPTOR):
            if permission := relation_of(each).read_with:
                self._by_permission.setdefault(permission, []).append(each)
        # Messages that are an object or hold one.
        leading = {each for some in self._by_permission.values() for each in some}
        self._leading = frozenset(
            each
            for each in concerned(method.response_class.DESCRIPTOR)
            if leading and not leading.isdisjoint(concerned(each))
        )

    def of(self, identity: Identity) -> "ShownAnswer | None":
        """Return what decides about an answer to a caller; None: everything is shown."""
        hidden: set[Descriptor] = set()
        decided: set[Descriptor] = set()
        for permission, descriptors in self._by_permission.items():
            if permission in self._held:
                # Roles and scopes were asked already, and its owner has decided about each object.
                if self._access.policed(identity.tenant_id, permission):
                    decided.update(descriptors)
                continue
            shows = self._access.shows(identity, permission)
            if shows is False:
                hidden.update(descriptors)
            elif shows is None:
                decided.update(descriptors)
        if not hidden and not decided:
            return None
        return ShownAnswer(self, identity, hidden=hidden, decided=decided)

    def verdict(self, identity: Identity, message: Any) -> tuple[_Verdict, str]:
        """Decide about the object that a message shows; with the policy that refuses."""
        relation, object_ = relation_of(message.DESCRIPTOR), object_shown(message)
        decision = self._access.decision(identity, relation.read_with, object_)
        if decision is None:
            return _Verdict.UNKNOWN, ""
        if decision.reason is Reason.POLICY:
            return _Verdict.POLICY, decision.rule.partition(":")[2]
        if (
            object_ is not None
            and object_.kind in KINDS
            and not self._access.exists(identity.tenant_id, object_)
        ):
            return _Verdict.UNKNOWN, ""
        shown = decision.allowed or relation.read_with in self._held
        return (_Verdict.SHOWN if shown else _Verdict.HIDDEN), ""

    @property
    def reads(self) -> bool:
        """Return whether the method changes nothing."""
        return self._reads

    def held(self, descriptor: Descriptor) -> bool:
        """Return whether the call takes the permission that shows a message."""
        return relation_of(descriptor).read_with in self._held

    def leads(self, descriptor: Descriptor) -> bool:
        """Return whether a message is an object or can hold one."""
        return descriptor in self._leading

    async def known(self, identity: Identity, objects: set[Object]) -> None:
        """Wait for what was just made to be known here."""
        await self._directory.known(identity, objects)


class ShownAnswer:
    """One answer, as its caller is shown it."""

    def __init__(
        self,
        objects: ShownObjects,
        identity: Identity,
        *,
        hidden: set[Descriptor],
        decided: set[Descriptor],
    ) -> None:
        """Take what of it is hidden whatever its id, and what is decided by its id."""
        self._objects, self._identity = objects, identity
        self._hidden, self._decided = hidden, decided
        self._verdicts: dict[tuple[Descriptor, Object | None], tuple[_Verdict, str]] = {}

    async def clear(self, message: Any) -> bool:
        """Take out of a message what is not shown; return whether anything was.

        Raises:
            PolicyForbids: the answer is one object that a policy keeps from the caller.
            AccessNotCurrent: it is one that the copy does not know yet.
        """
        found = list(self._found(message))
        waited = {object_shown(each) for each in found}
        await self._objects.known(self._identity, {each for each in waited if each is not None})
        # Each decision may ask many policies.
        await in_turns(map(self._verdict, found), at_once=DECIDED_AT_ONCE)
        return self._clear(message)

    def _found(self, message: Any) -> Iterator[Any]:
        """Yield every message in a message that is decided by its id."""
        for field, value in message.ListFields():
            if field.type == _MESSAGE and self._objects.leads(_content(field)):
                for each in messages_of(field, value):
                    if each.DESCRIPTOR in self._decided:
                        yield each
                    yield from self._found(each)

    def _clear(self, message: Any) -> bool:
        changed = False
        for field, value in message.ListFields():
            if field.type != _MESSAGE or not self._objects.leads(_content(field)):
                continue
            items = messages_of(field, value)
            kept = [each for each in items if self._kept(each, single=not field.is_repeated)]
            cleared = [self._identified(each) or self._clear(each) for each in kept]
            changed = changed or len(kept) < len(items) or any(cleared)
            if len(kept) < len(items):
                _keep(message, field, kept)
        return changed

    def _kept(self, message: Any, *, single: bool) -> bool:
        """Return whether a message stays, maybe as its ids alone."""
        verdict, policy = self._verdict(message)
        if verdict is _Verdict.SHOWN:
            return True
        descriptor = message.DESCRIPTOR
        if self._objects.reads and relation_of(descriptor).kind in KINDS:
            if single and self._objects.held(descriptor):
                if verdict is _Verdict.POLICY:
                    raise PolicyForbids(policy=policy)
                if verdict is _Verdict.UNKNOWN:
                    raise AccessNotCurrent
            if not single and verdict in {_Verdict.POLICY, _Verdict.UNKNOWN}:
                return False
        return any(name in IDENTIFYING for name in descriptor.fields_by_name)

    def _identified(self, message: Any) -> bool:
        """Reduce a message that is not shown to its ids and versions; return whether it was."""
        if self._verdict(message)[0] is _Verdict.SHOWN:
            return False
        identify(message)
        return True

    def _verdict(self, message: Any) -> tuple[_Verdict, str]:
        descriptor = message.DESCRIPTOR
        if descriptor in self._hidden:
            return _Verdict.HIDDEN, ""
        if descriptor not in self._decided:
            return _Verdict.SHOWN, ""
        key = (descriptor, object_shown(message))
        verdict = self._verdicts.get(key)
        if verdict is None:
            verdict = self._verdicts[key] = self._objects.verdict(self._identity, message)
        return verdict


def object_shown(message: Any) -> Object | None:
    """Return the object that a message shows, by its contract; None where its id is not set."""
    relation = relation_of(message.DESCRIPTOR)
    id_ = getattr(message, relation.id or _ID) if relation.kind else ""
    return Object(relation.kind, id_) if id_ else None


def identify(message: Any) -> None:
    """Clear everything but the ids and versions of a message."""
    for field, _ in message.ListFields():
        if field.name not in IDENTIFYING:
            message.ClearField(field.name)


def _content(field: Any) -> Descriptor:
    """Return the message type that a field holds, of a map that of its values."""
    descriptor: Any = field.message_type
    if descriptor.GetOptions().map_entry:
        descriptor = descriptor.fields_by_name["value"].message_type or descriptor
    found: Descriptor = descriptor
    return found


def _keep(message: Any, field: Any, kept: Sequence[Any]) -> None:
    """Leave only some messages in a field; none in a map, whose keys may be ids."""
    message.ClearField(field.name)
    if field.is_repeated and not field.message_type.GetOptions().map_entry:
        getattr(message, field.name).extend(kept)
