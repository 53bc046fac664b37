"""MessagingService: verification of logs, one call at a time for each person."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

from plexus.messaging.v1 import messaging_service_pb2
from plexuskit.grpc import actor
from plexuskit.paging import Listing

from messaging.contract.api import page_size
from messaging.log.queries.anchors import export_conversation_anchors
from messaging.messages.domain.refusals import VerificationUnderWay
from messaging.messages.queries.verifications import verify_conversation
from messaging.messages.store.stores import Store

pb = messaging_service_pb2

MAX_AT_ONCE: Final = 4
_RETRY: Final = timedelta(seconds=1)


class Alone:
    """Tracks the callers being answered at this moment."""

    def __init__(self) -> None:
        self._people: set[str] = set()

    @contextmanager
    def of(self, person_id: str) -> Iterator[None]:
        """Occupy a person's slot for the duration of a call.

        Raises:
            VerificationUnderWay: the person already has one, or the process is at its limit.
        """
        if person_id in self._people or len(self._people) >= MAX_AT_ONCE:
            raise VerificationUnderWay(retry_after=_RETRY)
        self._people.add(person_id)
        try:
            yield
        finally:
            self._people.remove(person_id)


class VerificationsApi:
    """A part of MessagingService; each method reads, calls one query, and answers."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._verifying = Alone()

    async def VerifyConversation(
        self, request: pb.VerifyConversationRequest, context: Any
    ) -> pb.VerifyConversationResponse:
        me = actor()
        with self._verifying.of(me.person_id):
            found = await verify_conversation(
                self._store,
                actor=me,
                conversation_id=request.conversation_id,
                first=request.from_change_no,
                last=request.to_change_no,
            )
        return pb.VerifyConversationResponse(
            previous_chain_hash=found.previous,
            links=found.links,
            through=found.through,
            has_more=found.more,
            problems=found.problems,
        )

    async def ExportConversationAnchors(
        self, request: pb.ExportConversationAnchorsRequest, context: Any
    ) -> pb.ExportConversationAnchorsResponse:
        me = actor()
        listing = Listing(name="anchors", filters=(me.tenant_id,))
        anchors, following = await export_conversation_anchors(
            self._store,
            actor=me,
            after=listing.last_id(request.page_token),
            limit=page_size(request.page_size, default=500, maximum=1_000),
        )
        return pb.ExportConversationAnchorsResponse(
            anchors=anchors, next_page_token=listing.token(following) if following else ""
        )
