"""Objects of a request that attribute policies are asked about here, read from its contract."""

from plexus_access.asked_kinds import permissions_about
from plexus_access.decisions import Need
from plexuskit.grpc import MethodInfo

from gateway.access.access import Access
from gateway.access.directory import KINDS
from gateway.access.objects import objects_at
from gateway.identity import Identity


class Asked:
    """Reader of the requests of one method."""

    __slots__ = ("_access", "_of_directory", "_policed")

    def __init__(self, access: Access, method: MethodInfo) -> None:
        """Take the method, and what knows the policies of tenants.

        Raises LookupError for a requirement that cannot be read from its requests.
        """
        self._access = access
        required = method.requirement
        # Its owner decides about the objects of a call itself, but directory has no replica.
        named = [(required.permission, required.resource, required.id)]
        named += [(need.permission, need.resource, need.id) for need in required.also]
        self._of_directory = [
            (permission, objects_at(method, resource, id_))
            for permission, resource, id_ in named
            if resource in KINDS
        ]
        self._policed = [
            (permission, objects_at(method, need.resource, need.id))
            for need in required.policed
            for permission in permissions_about(need, required)
        ]

    def of(self, request: bytes, identity: Identity) -> list[Need]:
        """Return each permission that a policy concerns, with an object that it is asked for."""
        if not self._of_directory and not self._policed:
            return []
        access, tenant_id = self._access, identity.tenant_id
        needs: list[Need] = [
            (permission, object_)
            for permission, read in self._of_directory
            if access.policed(tenant_id, permission)
            for object_ in read(request)
        ]
        needs += [
            (permission, object_)
            for permission, read in self._policed
            if access.policed(tenant_id, permission)
            for object_ in read(request)
            if object_.id != identity.person_id
        ]
        return needs
