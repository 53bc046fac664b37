"""Authority service: current read access to messages."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from plexus.authz.v1 import authority_pb2, authority_pb2_grpc
from plexuskit.errors import InvalidArgument
from plexuskit.relay import FactSource, read_facts

from messaging.messages.queries.authority import (
    compact_snapshot,
    read_members,
    readable_containers,
    recheck,
    snapshot,
)
from messaging.messages.store.stores import Store

pb = authority_pb2

MAX_REFS = 500
RELATIONS_PER_FRAME = 1_000


class AuthorityApi(authority_pb2_grpc.AuthorityServicer):
    """Internal and read-only."""

    def __init__(self, store: Store, *, sources: Sequence[FactSource]) -> None:
        self._store = store
        self._sources = sources

    async def ReadableContainers(
        self, request: pb.ReadableContainersRequest, context: Any
    ) -> pb.ReadableContainersResponse:
        return await readable_containers(self._store, request)

    async def Recheck(self, request: pb.RecheckRequest, context: Any) -> pb.RecheckResponse:
        if len(request.refs) > MAX_REFS:
            raise InvalidArgument(field="refs", problem=f"has more than {MAX_REFS}")
        verdicts = await recheck(
            self._store,
            tenant_id=request.tenant_id,
            person_id=request.person_id,
            refs=request.refs,
        )
        return pb.RecheckResponse(verdicts=verdicts)

    async def FilterMembers(
        self, request: pb.FilterMembersRequest, context: Any
    ) -> pb.FilterMembersResponse:
        raise InvalidArgument(field="sets", problem="are directory's; ask its Authority")

    async def ReadFacts(self, request: pb.ReadFactsRequest, context: Any) -> pb.ReadFactsResponse:
        return await read_facts(self._store.db, self._sources, request)

    async def ReadMembers(
        self, request: pb.ReadMembersRequest, context: Any
    ) -> AsyncIterator[pb.ReadMembersResponse]:
        if request.kind != "conversation":
            raise InvalidArgument(field="kind", problem="is none of messaging's: `conversation`")
        async for part in read_members(self._store, conversation_id=request.id):
            yield part

    async def Snapshot(
        self, request: pb.SnapshotRequest, context: Any
    ) -> AsyncIterator[pb.SnapshotResponse]:
        frame: list[pb.Relation] = []
        size = 0
        read = compact_snapshot if request.compact else snapshot
        async for relation in read(self._store, tenant_id=request.tenant_id):
            frame.append(relation)
            size += 1 + len(relation.subjects)
            if size >= RELATIONS_PER_FRAME:
                yield pb.SnapshotResponse(relations=frame)
                frame, size = [], 0
        yield pb.SnapshotResponse(relations=frame)
