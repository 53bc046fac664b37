"""MessagingService: conversations as one member sees them, cursors, receipts and threads."""

from typing import Any

from plexus.messaging.v1 import messaging_service_pb2
from plexus_access.decisions import Decisions, asker_of
from plexus_access.objects import CONVERSATION, Object
from plexuskit import bounds
from plexuskit.errors import InvalidArgument
from plexuskit.grpc import actor, caller
from plexuskit.paging import Listing
from plexuskit.timestamps import timestamp

from messaging.contract.api import page_size
from messaging.log.operations.logs import Log
from messaging.reading.api.translation import (
    conversations_of,
    from_list_position,
    to_cursor_verdict,
    to_list_position,
    to_thread,
    to_view,
)
from messaging.reading.operations.cursors import Cursors, advance_cursors
from messaging.reading.operations.threads import follow_thread
from messaging.reading.queries.conversations import get_conversation, list_conversations
from messaging.reading.queries.receipts import Audiences, list_receipts
from messaging.reading.queries.threads import get_thread
from messaging.reading.store.stores import Store

pb = messaging_service_pb2

MAX_ADVANCES = 500
MARK_READ = "messages.mark_read"


class ReadingApi:
    """A part of MessagingService; each method reads, calls one operation or query, and answers."""

    def __init__(self, log: Log[Store], cursors_: Cursors, *, decisions: Decisions) -> None:
        self._log = log
        self._store = log.store
        self._cursors = cursors_
        self._decisions = decisions
        self._audiences = Audiences()

    async def GetConversation(
        self, request: pb.GetConversationRequest, context: Any
    ) -> pb.GetConversationResponse:
        me = actor()
        view = await get_conversation(
            self._store, actor=me, conversation_id=request.conversation_id
        )
        return pb.GetConversationResponse(view=to_view(view, person_id=me.person_id))

    async def ListConversations(
        self, request: pb.ListConversationsRequest, context: Any
    ) -> pb.ListConversationsResponse:
        me = actor()
        size = page_size(request.page_size, default=100, maximum=500)
        listing = conversations_of(me, include_archived=request.include_archived)
        position = to_list_position(listing, request.page_token)
        await self._log.flush_heads()  # a list shows what this process has acknowledged
        views, following = await list_conversations(
            self._store,
            actor=me,
            position=position,
            limit=size,
            include_archived=request.include_archived,
        )
        return pb.ListConversationsResponse(
            views=[
                to_view(view, person_id=me.person_id)
                for view in self._decisions.visible(
                    asker_of(caller()),
                    "conversations.read",
                    CONVERSATION,
                    views,
                    lambda view: view.conversation.id,
                )
            ],
            next_page_token=("" if following is None else from_list_position(listing, following)),
        )

    async def AdvanceCursors(
        self, request: pb.AdvanceCursorsRequest, context: Any
    ) -> pb.AdvanceCursorsResponse:
        if not 0 < len(request.advances) <= MAX_ADVANCES:
            raise InvalidArgument(field="advances", problem=f"takes 1 to {MAX_ADVANCES}")
        asker = asker_of(caller())
        refused = [bounds.violation(advance) for advance in request.advances]
        advanced = iter(
            await advance_cursors(
                self._log,
                self._cursors,
                actor=actor(),
                advances=[
                    (a.conversation_id, a.through_seq, a.root_seq)
                    for a, refusal in zip(request.advances, refused, strict=True)
                    if refusal is None
                ],
                may=lambda each: self._decisions.refusal(
                    asker, MARK_READ, Object(CONVERSATION, each)
                ),
            )
        )
        verdicts = [refusal or next(advanced) for refusal in refused]
        return pb.AdvanceCursorsResponse(
            verdicts=[to_cursor_verdict(verdict) for verdict in verdicts]
        )

    async def ListReceipts(
        self, request: pb.ListReceiptsRequest, context: Any
    ) -> pb.ListReceiptsResponse:
        listing = Listing(name="receipts", filters=(request.conversation_id, str(request.seq)))
        receipts = await list_receipts(
            self._store,
            self._audiences,
            actor=actor(),
            conversation_id=request.conversation_id,
            seq=request.seq,
            after=listing.last_id(request.page_token),
            limit=page_size(request.page_size, default=200, maximum=1_000),
        )
        rows = [
            pb.Receipt(person_id=person, read=at is not None, read_at=timestamp(at) if at else None)
            for person, at in receipts.page
        ]
        return pb.ListReceiptsResponse(
            receipts=rows,
            next_page_token=listing.token(receipts.page[-1][0]) if receipts.more else "",
            audience=receipts.audience,
            read=receipts.read,
            counts_only=receipts.counts_only,
        )

    async def GetThread(self, request: pb.GetThreadRequest, context: Any) -> pb.GetThreadResponse:
        thread = await get_thread(
            self._store,
            actor=actor(),
            conversation_id=request.conversation_id,
            root_seq=request.root_seq,
        )
        return pb.GetThreadResponse(thread=to_thread(thread))

    async def FollowThread(
        self, request: pb.FollowThreadRequest, context: Any
    ) -> pb.FollowThreadResponse:
        me, conversation_id, root_seq = actor(), request.conversation_id, request.root_seq
        await follow_thread(
            self._store,
            actor=me,
            conversation_id=conversation_id,
            root_seq=root_seq,
            follow=not request.unfollow,
        )
        thread = await get_thread(
            self._store, actor=me, conversation_id=conversation_id, root_seq=root_seq
        )
        return pb.FollowThreadResponse(thread=to_thread(thread))
