"""The part of a response that its caller may see, for all services (GW-3, GW-10).

Columns that no role shows are cleared, and lists leave out the people, departments and groups that
an attribute policy refuses. The response to a change shows an object only to callers who may read
it: others receive its id and version. Callers without masks who may read the objects they change,
in tenants without policies on those, get the bytes of the owner: nothing is decoded.
"""

from collections.abc import Sequence
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError
from plexus.directory.v1.people_pb2 import Person
from plexus_access.clearing import clearing_of, concerned, messages_of
from plexus_access.columns import IDENTIFYING, relation_of
from plexus_access.masks import Masks
from plexus_access.objects import Object
from plexus_access.refusals import FieldMasked
from plexus_access.roles import READING
from plexuskit.grpc import MethodInfo

from gateway.access.access import Access
from gateway.access.refusals import PolicyForbids
from gateway.identity import Identity

_MESSAGE: Final = FieldDescriptor.TYPE_MESSAGE
_OWN: Final = "person"


class Shown:
    """Shows the answers of one method."""

    __slots__ = ("_access", "_listed", "_method", "_own", "_read_with")

    def __init__(self, access: Access, method: MethodInfo) -> None:
        """Prepare the filter of a method's responses."""
        self._access = access
        self._method = method
        answer: Any = method.response_class.DESCRIPTOR
        required = method.requirement
        # A caller who signs in is known by the answer alone.
        own = answer.fields_by_name.get(_OWN)
        self._own = bool(
            required.public and own is not None and own.message_type == Person.DESCRIPTOR
        )
        # A change was decided about the object that its request names.
        self._listed = (
            tuple(
                (relation.read_with, each)
                for each in concerned(answer)
                if (relation := relation_of(each)).kind and relation.kind != required.resource
            )
            if required.permission in READING
            else ()
        )

        self._read_with = _read_with(method)

    def check(self, request: bytes, identity: Identity, object_: Object | None) -> None:
        """Check that a request neither writes, nor asks by, a hidden column.

        Raises:
            FieldMasked: it does.
        """
        masks = self._masks(identity, object_)
        if not masks:
            return
        clearing = clearing_of(masks)
        try:
            message = self._method.request_class.FromString(request)
        except DecodeError:
            # Its owner refuses undecodable requests.
            return
        clearing.check(message)

    def check_stream(self, identity: Identity) -> None:
        """Check that nothing that a stream of requests could write is hidden.

        Raises:
            FieldMasked: something is.
        """
        masks = self._masks(identity, None)
        if masks:
            hidden = clearing_of(masks).first_hidden(self._method.request_class.DESCRIPTOR)
            if hidden:
                raise FieldMasked(field=hidden)

    def answer(self, response: bytes, identity: Identity | None, object_: Object | None) -> bytes:
        """Return a response reduced to the parts that its caller may see.

        Args:
            response: response of the owner.
            identity: the caller; None for a public call.
            object_: object of the call.

        Raises:
            PolicyForbids: the response is one object that a policy hides from the caller.
            DecodeError: the response does not follow its contract.
        """
        if identity is None:
            return self._of_own(response) if self._own and self._access.masking else response
        masks = self._masks(identity, object_)
        listed = [
            (permission, each)
            for permission, each in self._listed
            if self._access.policed(identity.tenant_id, permission)
        ]
        clears = bool(masks) and clearing_of(masks).concerns(self._method.response_class.DESCRIPTOR)
        unread = [
            each
            for permission, descriptors in self._read_with
            if not self._access.reads(identity, permission, object_)
            for each in descriptors
        ]
        if not clears and not listed and not unread:
            return response
        message: Any = self._method.response_class.FromString(response)
        for permission, descriptor in listed:
            self._leave_out(message, identity, permission, descriptor)
        if clears:
            clearing_of(masks).clear(message)
        if unread:
            _identify(message, unread)
        shown: bytes = message.SerializeToString()
        return shown

    def _masks(self, identity: Identity, object_: Object | None) -> Masks:
        return self._access.masks(identity, self._method.requirement.permission, object_)

    def _of_own(self, response: bytes) -> bytes:
        message: Any = self._method.response_class.FromString(response)
        if not message.HasField(_OWN):
            return response
        person = message.person
        masks = self._access.masks_of(person.tenant_id, person.id, frozenset(person.roles))
        if masks:
            clearing_of(masks).clear(message)
        shown: bytes = message.SerializeToString()
        return shown

    def _leave_out(
        self, message: Any, identity: Identity, permission: str, descriptor: Descriptor
    ) -> None:
        kind = relation_of(descriptor).kind
        for field, value in message.ListFields():
            if field.type != _MESSAGE:
                continue
            if field.message_type != descriptor:
                for each in messages_of(field, value):
                    self._leave_out(each, identity, permission, descriptor)
            elif field.is_repeated:
                kept = [
                    each
                    for each in value
                    if not self._access.keeps_from(identity, permission, Object(kind, each.id))
                ]
                if len(kept) < len(value):
                    message.ClearField(field.name)
                    getattr(message, field.name).extend(kept)
            elif policy := self._access.keeps_from(identity, permission, Object(kind, value.id)):
                raise PolicyForbids(policy=policy)


def _read_with(method: MethodInfo) -> tuple[tuple[str, tuple[Descriptor, ...]], ...]:
    """Return the messages in a method's answers that its own permissions do not show.

    By the permission that shows them (`Columns.read_with`): a token grants exactly its scopes, and
    a policy on reading holds on the answers of changes too (GW-9, GW-10).
    """
    required = method.requirement
    if required.public:
        return ()
    held = {required.permission, *(need.permission for need in required.also)}
    found: dict[str, list[Descriptor]] = {}
    for each in concerned(method.response_class.DESCRIPTOR):
        permission = relation_of(each).read_with
        if permission and permission not in held:
            found.setdefault(permission, []).append(each)
    return tuple((permission, tuple(each)) for permission, each in found.items())


def _identify(message: Any, unread: Sequence[Descriptor]) -> None:
    """Clear everything but ids and versions of the messages of some types."""
    clears = message.DESCRIPTOR in unread
    for field, value in message.ListFields():
        if clears and field.name not in IDENTIFYING:
            message.ClearField(field.name)
        elif field.type == _MESSAGE:
            for each in messages_of(field, value):
                _identify(each, unread)
