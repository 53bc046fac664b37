"""Attribute policies about objects of directory, which the gateway asks for their owner (GW-10).

The copy may be a moment behind: a call about an object that it does not know waits up to a second,
as owners do. An object that is still unknown is refused as ACCESS_NOT_CURRENT if directory has it;
otherwise directory answers, and an absent object as it answers a hidden one (GW-2). Both take the
same time, because the copy cannot distinguish one from the other.
"""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Final

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
DECIDED_AT_ONCE: Final = 25
"""Decisions without others in between: some 5 ms with 20 policies and nothing remembered."""
FIRST_PAUSE: Final = 0.01
"""Seconds between a change and deciding again what was unknown; twice as long each time."""


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
            unknown = await self._settled(identity, needs)
            late = await self._late_of(identity, unknown) if unknown else None
            if late is None:
                # Some may have become known while directory was asked.
                await self._unknown(identity, unknown)
        except _Forbidden as forbidden:
            return forbidden.object, PolicyForbids(policy=forbidden.policy)
        return late

    async def _late_of(
        self, identity: Identity, unknown: Sequence[Need]
    ) -> tuple[Object | None, Refusal] | None:
        """Return the first object that exists and is not known here, with the refusal."""
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

        if missing():
            with suppress(TimeoutError):
                async with asyncio.timeout(SETTLE_SECONDS):
                    while missing():
                        await self._access.projection.changed()
        return not missing()

    async def _settled(self, identity: Identity, needs: Sequence[Need]) -> list[Need]:
        """Decide; return what is still unknown after a second at most. Raises _Forbidden."""
        projection, pause = self._access.projection, FIRST_PAUSE
        changes = projection.changes
        unknown = await self._unknown(identity, needs)
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_SECONDS):
                while unknown:
                    if projection.changes == changes:
                        await projection.changed()
                    # On a busy day every fact would ask about all of them again.
                    await asyncio.sleep(pause)
                    pause, changes = 2 * pause, projection.changes
                    unknown = await self._unknown(identity, unknown)
        return unknown

    async def _unknown(self, identity: Identity, needs: Sequence[Need]) -> list[Need]:
        """Return what policies cannot be asked about yet, in turns. Raises _Forbidden."""
        unknown = []
        for number, need in enumerate(dict.fromkeys(self._asked(identity, needs)), start=1):
            decision = self._access.decision(identity, *need)
            if decision is None or decision.reason is Reason.REACH:
                unknown.append(need)
            elif decision.reason is Reason.POLICY:
                raise _Forbidden(need[1], decision.rule.partition(":")[2])
            if number % DECIDED_AT_ONCE == 0:
                await asyncio.sleep(0)
        return unknown

    def _asked(self, identity: Identity, needs: Iterable[Need]) -> Iterator[Need]:
        """Yield needs; in place of a known role binding, those about the objects it binds to."""
        for permission, object_ in needs:
            bound = None
            if object_ is not None and object_.kind == ROLE_BINDING:
                bound = self._access.bound(identity.tenant_id, object_.id)
            if bound is None:
                yield permission, object_
            else:
                for each in bound:
                    yield permission, each

    def _everywhere(self, identity: Identity, permission: str) -> bool:
        tenant = Object(TENANT, identity.tenant_id)
        decision = self._access.decision(identity, permission, tenant)
        return decision is not None and decision.reason in {Reason.GRANTED, Reason.POLICY}
