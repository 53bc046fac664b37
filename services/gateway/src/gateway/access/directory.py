"""Attribute policies about objects of directory, which the gateway asks for their owner (GW-10).

The copy may be a moment behind: a call about an object that it does not know waits up to a second,
as owners do. An object that is still unknown is refused as ACCESS_NOT_CURRENT if directory has it;
otherwise directory answers, and an absent object as it answers a hidden one (GW-2). Both take the
same time, because the copy cannot distinguish one from the other.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import Final, TypeVar

from plexus.authz.v1.authority_pb2 import ObjectRef, RecheckRequest
from plexus_access.decisions import SETTLE_SECONDS, Need
from plexus_access.engine import Reason
from plexus_access.objects import DEPARTMENT, GROUP, PERSON, TENANT, Object
from plexus_access.refusals import AccessNotCurrent
from plexuskit.errors import Refusal

from gateway.access.access import Access
from gateway.access.objects import ROLE_BINDING
from gateway.access.refusals import PolicyForbids
from gateway.identity import Identity

KINDS: Final = frozenset({PERSON, DEPARTMENT, GROUP})
"""Kinds that directory owns."""
MAX_REFS: Final = 500
Found = TypeVar("Found")


class _Forbidden(Exception):  # noqa: N818 - named after the fact that prevents
    """A policy forbids something."""

    def __init__(self, object_: Object | None, policy: str) -> None:
        super().__init__(policy)
        self.object, self.policy = object_, policy


class DirectoryPolicies:
    """Decisions of policies about people, departments and groups."""

    def __init__(self, access: Access) -> None:
        """Take what decides, and asks directory."""
        self._access = access

    async def refusal(
        self, identity: Identity, needs: Sequence[Need]
    ) -> tuple[Object | None, Refusal] | None:
        """Return the first object that is refused, with the refusal; None where none is.

        Objects outside the caller's roles are left to directory.

        Args:
            identity: of the caller.
            needs: permissions, each with its object; only those that a policy concerns.

        Raises:
            RateLimited: the caller asks too often about what is not known here.
        """
        try:
            unknown = await self._settled(lambda: self._unknown(identity, needs))
        except _Forbidden as forbidden:
            return forbidden.object, PolicyForbids(policy=forbidden.policy)
        if not unknown:
            return None
        if not self._access.is_known(identity):
            return unknown[0][1], AccessNotCurrent()
        self._access.limit_doubt(identity)
        for permission, object_ in unknown:
            # Nothing is hidden from a caller who binds roles for the whole tenant.
            if object_ and object_.kind == ROLE_BINDING and self._everywhere(identity, permission):
                return object_, AccessNotCurrent()
        objects = [object_ for _, object_ in unknown if object_ and object_.kind in KINDS]
        for at in range(0, len(objects), MAX_REFS):
            late = await self._late(identity, objects[at : at + MAX_REFS])
            if late is not None:
                return late, AccessNotCurrent()
        return None

    async def _late(self, identity: Identity, objects: Sequence[Object]) -> Object | None:
        """Return the first object that directory has and the copy does not know."""
        answer = await self._access.ask_directory(
            RecheckRequest(
                tenant_id=identity.tenant_id,
                person_id=identity.person_id,
                refs=[ObjectRef(kind=each.kind, id=each.id) for each in objects],
            )
        )
        for object_, verdict in zip(objects, answer.verdicts, strict=True):
            if verdict.readable and not self._access.exists(identity.tenant_id, object_):
                return object_
        return None

    async def known(self, identity: Identity, objects: Collection[Object]) -> bool:
        """Wait up to a second until the copy knows objects and the caller; return whether it does.

        Objects that belong to other services are not waited for.
        """

        def missing() -> bool:
            return not self._access.is_known(identity) or any(
                each.kind in KINDS and not self._access.exists(identity.tenant_id, each)
                for each in objects
            )

        return not await self._settled(missing)

    async def _settled(self, missing: Callable[[], Found]) -> Found:
        """Return what is missing, after a second at most for it to come."""
        found = missing()
        if found:
            changed = self._access.projection.changed
            with suppress(TimeoutError):
                async with asyncio.timeout(SETTLE_SECONDS):
                    while found:
                        await changed()
                        found = missing()
        return found

    def _unknown(self, identity: Identity, needs: Sequence[Need]) -> list[Need]:
        """Return what policies cannot be asked about yet. Raises _Forbidden."""
        unknown = []
        for permission, object_ in needs:
            bound = None
            if object_ is not None and object_.kind == ROLE_BINDING:
                bound = self._access.bound(identity.tenant_id, object_.id)
            if bound is not None:
                unknown += self._unknown(identity, [(permission, each) for each in bound])
                continue
            decision = self._access.decision(identity, permission, object_)
            if decision is None or decision.reason is Reason.REACH:
                unknown.append((permission, object_))
            elif decision.reason is Reason.POLICY:
                raise _Forbidden(object_, decision.rule.partition(":")[2])
        return unknown

    def _everywhere(self, identity: Identity, permission: str) -> bool:
        tenant = Object(TENANT, identity.tenant_id)
        decision = self._access.decision(identity, permission, tenant)
        return decision is not None and decision.reason in {Reason.GRANTED, Reason.POLICY}
