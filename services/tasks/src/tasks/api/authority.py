"""plexus.authz.v1.Authority: internal, read-only."""

from collections.abc import AsyncIterator
from typing import Any, Final

from plexus.authz.v1 import authority_pb2 as pb
from plexus.authz.v1.authority_pb2_grpc import AuthorityServicer
from plexuskit.containers import page_of
from plexuskit.errors import InvalidArgument

from tasks import queries
from tasks.domain.identity import Actor, PersonId, TenantId
from tasks.domain.relations import Reference
from tasks.store import Store

_RELATIONS_A_MESSAGE: Final = 500


class AuthorityApi(AuthorityServicer):
    """Read access to tasks and projects, for other services."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def ReadableContainers(self, request: pb.ReadableContainersRequest, _: Any) -> Any:
        """Return everything a person may read now."""
        readable = await queries.readable_containers(self._store, person=_person(request))
        return page_of(
            request,
            version=readable.version,
            containers=(
                pb.Container(kind=container.kind, id=container.id)
                for container in readable.containers
            ),
        )

    async def Recheck(self, request: pb.RecheckRequest, _: Any) -> Any:
        """Return which of the objects the person may read now."""
        verdicts = await queries.recheck(
            self._store,
            person=_person(request),
            references=[Reference(kind=ref.kind, id=ref.id) for ref in request.refs],
        )
        return pb.RecheckResponse(
            verdicts=[
                pb.Verdict(readable=verdict.readable, version=verdict.version)
                for verdict in verdicts
            ]
        )

    async def FilterMembers(self, request: pb.FilterMembersRequest, _: Any) -> Any:
        """Refuse: departments and groups are directory's. Refusals: InvalidArgument."""
        raise InvalidArgument(field="sets", problem="are directory's; ask its Authority")

    async def ReadFacts(self, request: pb.ReadFactsRequest, _: Any) -> Any:
        """Return published facts by their numbers. Refusals: InvalidArgument."""
        return await self._store.read_facts(request)

    async def ReadMembers(
        self, request: pb.ReadMembersRequest, _: Any
    ) -> AsyncIterator[pb.ReadMembersResponse]:
        """Refuse: conversations are messaging's. Refusals: InvalidArgument."""
        raise InvalidArgument(field="kind", problem="is messaging's; ask its Authority")
        yield  # a generator, as the contract has it

    async def Snapshot(
        self, request: pb.SnapshotRequest, _: Any
    ) -> AsyncIterator[pb.SnapshotResponse]:
        """Stream every relation, many to a message."""
        relations: list[pb.Relation] = []
        async for relation in queries.snapshot(self._store, tenant_id=request.tenant_id):
            relations.append(
                pb.Relation(
                    tenant_id=relation.tenant_id,
                    object=relation.object,
                    relation=relation.relation,
                    subject=relation.subject,
                    version=relation.version,
                )
            )
            if len(relations) == _RELATIONS_A_MESSAGE:
                yield pb.SnapshotResponse(relations=relations)
                relations = []
        if relations:
            yield pb.SnapshotResponse(relations=relations)


def _person(request: pb.ReadableContainersRequest | pb.RecheckRequest) -> Actor:
    return Actor(tenant_id=TenantId(request.tenant_id), person_id=PersonId(request.person_id))
