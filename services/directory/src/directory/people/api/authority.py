"""plexus.authz.v1.Authority for tenants, people, departments and groups."""

from collections.abc import AsyncIterator
from typing import Any, Final

from plexus.authz.v1 import authority_pb2 as pb
from plexus.authz.v1.authority_pb2_grpc import AuthorityServicer
from plexus.event.v1.envelope_pb2 import Envelope
from plexuskit.clock import Clock
from plexuskit.containers import page_of
from plexuskit.errors import InvalidArgument
from plexuskit.timestamps import instant_of

from directory.people import queries
from directory.people.queries.authority import Ref, Related
from directory.people.store import Store

# Relations per frame of a snapshot: some 100 KB.
_FRAME: Final = 1_000


class AuthorityApi(AuthorityServicer):
    """Owner's decisions on read access to people."""

    def __init__(self, store: Store, *, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def ReadableContainers(
        self, request: pb.ReadableContainersRequest, context: Any
    ) -> pb.ReadableContainersResponse:
        """Name the tenant while the person is active in it."""
        readable = await queries.readable_containers(
            self._store,
            tenant_id=request.tenant_id,
            person_id=request.person_id,
            now=self._clock.now(),
        )
        return page_of(
            request,
            version=readable.version,
            containers=(pb.Container(kind="tenant", id=id_) for id_ in readable.tenant_ids),
        )

    async def Recheck(self, request: pb.RecheckRequest, context: Any) -> pb.RecheckResponse:
        """Return the objects that the person may read now, with their versions."""
        versions = await queries.recheck(
            self._store,
            tenant_id=request.tenant_id,
            person_id=request.person_id,
            refs=[Ref(kind=ref.kind, id=ref.id) for ref in request.refs],
            now=self._clock.now(),
        )
        return pb.RecheckResponse(
            verdicts=[pb.Verdict(readable=version > 0, version=version) for version in versions]
        )

    async def FilterMembers(
        self, request: pb.FilterMembersRequest, context: Any
    ) -> pb.FilterMembersResponse:
        """Return those of the people who belong to departments or groups now."""
        person_ids = await queries.filter_members(
            self._store,
            tenant_id=request.tenant_id,
            sets=request.sets,
            person_ids=request.person_ids,
            now=self._clock.now(),
        )
        return pb.FilterMembersResponse(person_ids=person_ids)

    async def ReadFacts(self, request: pb.ReadFactsRequest, context: Any) -> pb.ReadFactsResponse:
        """Return published facts by their numbers. Refusals: InvalidArgument."""
        return await self._store.read_facts(request)

    async def ReadMembers(
        self, request: pb.ReadMembersRequest, context: Any
    ) -> AsyncIterator[pb.ReadMembersResponse]:
        """Refuse: conversations are messaging's. Refusals: InvalidArgument."""
        raise InvalidArgument(field="kind", problem="is messaging's; ask its Authority")
        yield  # a generator, as the contract has it

    async def Snapshot(
        self, request: pb.SnapshotRequest, context: Any
    ) -> AsyncIterator[pb.SnapshotResponse]:
        """Stream every relation of people, or facts; at least one frame, also if there is none."""
        if request.HasField("published_since"):
            async for facts in self._new_facts(request):
                yield facts
            return
        if request.topics:
            async for facts in self._facts(request):
                yield facts
            return
        frame: list[pb.Relation] = []
        async for related in queries.snapshot(self._store, tenant_id=request.tenant_id):
            frame.append(_relation(related))
            if len(frame) >= _FRAME:
                yield pb.SnapshotResponse(relations=frame)
                frame = []
        yield pb.SnapshotResponse(relations=frame)

    async def _new_facts(self, request: pb.SnapshotRequest) -> AsyncIterator[pb.SnapshotResponse]:
        """Stream the facts of topics that are new, of one tenant or of all."""
        since = instant_of(request.published_since)
        async for page in self._store.read_new_facts(request.topics, since=since):
            yield pb.SnapshotResponse(
                facts=[fact for fact in page if request.tenant_id in ("", fact.tenant_id)]
            )

    async def _facts(self, request: pb.SnapshotRequest) -> AsyncIterator[pb.SnapshotResponse]:
        frame: list[Envelope] = []
        async for fact in queries.snapshot_facts(
            self._store,
            tenant_id=request.tenant_id,
            topics=request.topics,
            now=self._clock.now(),
        ):
            frame.append(fact.event)
            if len(frame) >= _FRAME:
                yield pb.SnapshotResponse(facts=frame)
                frame = []
        yield pb.SnapshotResponse(facts=frame)


def _relation(related: Related) -> pb.Relation:
    return pb.Relation(
        tenant_id=related.tenant_id,
        object=related.object,
        relation=related.relation,
        subject=related.subject,
        version=related.version,
    )
