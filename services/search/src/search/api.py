"""plexus.search.v1.SearchService: a request becomes a query, its result a response."""

from typing import Any

from plexus.search.v1 import search_service_pb2 as pb
from plexus.search.v1.search_service_pb2_grpc import SearchServiceServicer
from plexus_access.decisions import Decisions, asker_of
from plexuskit.clock import Clock
from plexuskit.grpc import actor, caller
from plexuskit.timestamps import optional_timestamp

from search import queries
from search.domain.paging import PageTokens
from search.domain.turns import Turns
from search.queries import Access, Freshness, Permits, Reader, SearchRequest
from search.store import Found, Store


class SearchApi(SearchServiceServicer):
    """Search for people, through the gateway."""

    def __init__(
        self,
        store: Store,
        *,
        access: Access,
        decisions: Decisions,
        freshness: Freshness,
        tokens: PageTokens,
        clock: Clock,
    ) -> None:
        self._store = store
        self._access = access
        self._decisions = decisions
        self._freshness = freshness
        self._tokens = tokens
        self._clock = clock
        self._turns = Turns()

    async def Search(self, request: pb.SearchRequest, context: Any) -> pb.SearchResponse:
        who = actor()
        with self._turns.take(tenant_id=who.tenant_id, person_id=who.person_id):
            page = await queries.search(
                self._store,
                access=self._access,
                permits=Permits(self._decisions, asker_of(caller())),
                freshness=self._freshness,
                tokens=self._tokens,
                reader=Reader(tenant_id=who.tenant_id, person_id=who.person_id),
                asked=SearchRequest(
                    query=request.query,
                    types=tuple(request.types),
                    page_size=request.page_size,
                    page_token=request.page_token,
                ),
            )
        return pb.SearchResponse(
            total=page.total,
            partial=page.partial,
            hits=[_hit(found) for found in page.found],
            next_page_token=page.next_page_token,
        )

    async def GetSearchStatus(
        self, request: pb.GetSearchStatusRequest, context: Any
    ) -> pb.GetSearchStatusResponse:
        status = await queries.get_search_status(
            self._store,
            freshness=self._freshness,
            tenant_id=actor().tenant_id,
            clock=self._clock,
        )
        # The first types have fields of their own, which older clients read.
        fields = pb.GetSearchStatusResponse.DESCRIPTOR.fields_by_name
        older = {f"indexed_{type_.plural}": count for type_, count in status.counted.items()}
        return pb.GetSearchStatusResponse(
            **{name: count for name, count in older.items() if name in fields},
            indexed={type_.name: count for type_, count in status.counted.items()},
            dead_letters=status.dead_letters,
            lag_seconds=status.lag_seconds,
        )


def _hit(found: Found) -> pb.Hit:
    return pb.Hit(
        type=found.type.name,
        id=found.id,
        conversation_id=found.conversation_id if found.placed else "",
        seq=found.seq if found.placed else 0,
        text=found.text,
        score=found.score,
        highlights=found.highlights,
        author_id=found.author_id,
        at=optional_timestamp(found.at),
    )
