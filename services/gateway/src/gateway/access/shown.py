"""The part of a response that its caller may see, for all services (GW-3, GW-10).

Columns that no role shows are cleared, and each object is decided by its own id (`shown_objects`).
"""

from typing import Any, Final

from google.protobuf.message import DecodeError
from plexus.directory.v1.people_pb2 import Person
from plexus_access.clearing import clearing_of
from plexus_access.masks import Masks
from plexus_access.objects import Object
from plexus_access.refusals import FieldMasked
from plexuskit.grpc import MethodInfo

from gateway.access.access import Access
from gateway.access.directory import DirectoryPolicies
from gateway.access.shown_objects import ShownObjects
from gateway.identity import Identity

_OWN: Final = "person"


class Shown:
    """Shows the answers of one method."""

    __slots__ = ("_access", "_method", "_objects", "_own")

    def __init__(self, access: Access, directory: DirectoryPolicies, method: MethodInfo) -> None:
        """Prepare the filter of a method's responses."""
        self._access = access
        self._method = method
        answer: Any = method.response_class.DESCRIPTOR
        # A caller who signs in is known by the answer alone.
        own = answer.fields_by_name.get(_OWN)
        self._own = bool(
            method.requirement.public and own is not None and own.message_type == Person.DESCRIPTOR
        )
        self._objects = ShownObjects(access, directory, method)

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

    async def answer(
        self, response: bytes, identity: Identity | None, object_: Object | None
    ) -> bytes:
        """Return a response reduced to the parts that its caller may see.

        Args:
            response: response of the owner.
            identity: the caller; None for a public call.
            object_: object of the call.

        Raises:
            PolicyForbids: the response is one object that a policy hides from the caller.
            AccessNotCurrent: it is one that the copy does not know yet.
            DecodeError: the response does not follow its contract.
        """
        if identity is None:
            return self._of_own(response) if self._own and self._access.masking else response
        masks = self._masks(identity, object_)
        clears = bool(masks) and clearing_of(masks).concerns(self._method.response_class.DESCRIPTOR)
        objects = self._objects.of(identity)
        if not clears and objects is None:
            return response
        message: Any = self._method.response_class.FromString(response)
        cleared = objects is not None and await objects.clear(message)
        if clears:
            clearing_of(masks).clear(message)
        elif not cleared:
            return response
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
