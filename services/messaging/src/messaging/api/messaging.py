"""MessagingService: conversations and what is said in them."""

from typing import Any

from plexus.messaging.v1 import conversations_pb2, messaging_service_pb2, messaging_service_pb2_grpc
from plexus_access.decisions import Decisions, asker_of
from plexus_access.objects import CONVERSATION, Object
from plexuskit import bounds
from plexuskit.errors import InvalidArgument, Refusal
from plexuskit.grpc import actor, caller
from plexuskit.mongo import Transaction
from plexuskit.paging import Listing
from plexuskit.timestamps import timestamp
from plexuskit.turns import Turns

from messaging import queries
from messaging.api import preview, translate
from messaging.api.alone import Alone
from messaging.api.messages import MessagesApi
from messaging.domain.conversations import Kind
from messaging.domain.messages import NewMessage
from messaging.events import conversation_to_proto, member_to_proto
from messaging.operations import conversations, cursors, membership, sending, threads
from messaging.operations.conversations import Begun
from messaging.operations.cursors import Cursors
from messaging.operations.log import Log
from messaging.operations.membership import MembershipChanged
from messaging.operations.people import People

pb = messaging_service_pb2

MAX_SENDS = 256
MAX_ADVANCES = 500
MAX_PEOPLE = 1_000
MARK_READ = "messages.mark_read"


class MessagingApi(MessagesApi, messaging_service_pb2_grpc.MessagingServiceServicer):
    """Each method: read the request, call one operation or query, write the response."""

    def __init__(
        self, log: Log, cursors_: Cursors, people: People, *, decisions: Decisions
    ) -> None:
        self._log = log
        self._store = log.store
        self._clock = log.clock
        self._cursors = cursors_
        self._people = people
        self._decisions = decisions
        self._verifying = Alone()

    async def CreateConversation(
        self, request: pb.CreateConversationRequest, context: Any
    ) -> pb.CreateConversationResponse:
        me, now = actor(), self._clock.now()
        if translate.kind_of(request.kind) is Kind.DIRECT:
            if len(request.member_ids) != 1:
                raise InvalidArgument(field="member_ids", problem="is exactly one other person")
            begun = await conversations.open_direct(
                self._store, self._people, actor=me, peer_id=request.member_ids[0], now=now
            )
            return _created(begun)
        write = await conversations.create_group(
            self._store,
            self._people,
            actor=me,
            name=request.name,
            topic=request.topic,
            history=translate.history_of(request.history),
            member_ids=request.member_ids,
            now=now,
        )

        async def work(tx: Transaction) -> pb.CreateConversationResponse:
            return _created(await write(tx))

        response, repeated = await self._store.requests.once(
            work,
            request=request,
            request_id=request.request_id,
            actor_id=me.person_id,
            response=pb.CreateConversationResponse,
            now=now,
        )
        response.deduplicated = response.deduplicated or repeated
        return response

    async def GetConversation(
        self, request: pb.GetConversationRequest, context: Any
    ) -> pb.GetConversationResponse:
        me = actor()
        view = await queries.get_view(
            self._store, actor=me, conversation_id=request.conversation_id
        )
        return pb.GetConversationResponse(view=translate.to_view(view, person_id=me.person_id))

    async def ListConversations(
        self, request: pb.ListConversationsRequest, context: Any
    ) -> pb.ListConversationsResponse:
        me = actor()
        size = translate.page_size(request.page_size, default=100, maximum=500)
        listing = translate.conversations_of(me, include_archived=request.include_archived)
        position = translate.to_list_position(listing, request.page_token)
        await self._log.flush_heads()  # a list shows what this process has acknowledged
        views, following = await queries.list_views(
            self._store,
            actor=me,
            position=position,
            limit=size,
            include_archived=request.include_archived,
        )
        return pb.ListConversationsResponse(
            views=[
                translate.to_view(view, person_id=me.person_id)
                for view in self._decisions.visible(
                    asker_of(caller()),
                    "conversations.read",
                    CONVERSATION,
                    views,
                    lambda view: view.conversation.id,
                )
            ],
            next_page_token=(
                "" if following is None else translate.from_list_position(listing, following)
            ),
        )

    async def UpdateConversation(
        self, request: pb.UpdateConversationRequest, context: Any
    ) -> pb.UpdateConversationResponse:
        begun = await conversations.update_conversation(
            self._log,
            actor=actor(),
            conversation_id=request.conversation_id,
            name=request.name if request.HasField("name") else None,
            topic=request.topic if request.HasField("topic") else None,
            archived=request.archived if request.HasField("archived") else None,
            confidential=request.confidential if request.HasField("confidential") else None,
            expected_version=request.expected_version,
            now=self._clock.now(),
        )
        return pb.UpdateConversationResponse(conversation=_conversation(begun))

    async def ListMembers(
        self, request: pb.ListMembersRequest, context: Any
    ) -> pb.ListMembersResponse:
        size = translate.page_size(request.page_size, default=200, maximum=1_000)
        listing = Listing(name="members", filters=(request.conversation_id,))
        members, more = await queries.list_members(
            self._store,
            actor=actor(),
            conversation_id=request.conversation_id,
            after=listing.last_id(request.page_token),
            limit=size,
        )
        return pb.ListMembersResponse(
            members=[member_to_proto(member) for member in members],
            next_page_token=listing.token(members[-1].person_id) if more else "",
        )

    async def AddMembers(
        self, request: pb.AddMembersRequest, context: Any
    ) -> pb.AddMembersResponse:
        changed = await membership.add_members(
            self._log,
            self._people,
            actor=actor(),
            conversation_id=request.conversation_id,
            person_ids=_people(request.person_ids),
            role=translate.role_of(request.role),
            now=self._clock.now(),
        )
        return pb.AddMembersResponse(
            conversation=_conversation(changed), added_person_ids=changed.person_ids
        )

    async def RemoveMembers(
        self, request: pb.RemoveMembersRequest, context: Any
    ) -> pb.RemoveMembersResponse:
        changed = await membership.remove_members(
            self._log,
            actor=actor(),
            conversation_id=request.conversation_id,
            person_ids=_people(request.person_ids),
            now=self._clock.now(),
        )
        return pb.RemoveMembersResponse(
            conversation=_conversation(changed), removed_person_ids=changed.person_ids
        )

    async def LeaveConversation(
        self, request: pb.LeaveConversationRequest, context: Any
    ) -> pb.LeaveConversationResponse:
        await membership.leave_conversation(
            self._log,
            actor=actor(),
            conversation_id=request.conversation_id,
            now=self._clock.now(),
        )
        return pb.LeaveConversationResponse()

    async def SendMessage(
        self, request: pb.SendMessageRequest, context: Any
    ) -> pb.SendMessageResponse:
        new_message = translate.to_new_message(request, sender_id=actor().person_id)
        return translate.to_send_response(
            await sending.send_message(self._log, new_message=new_message)
        )

    async def SendMessages(
        self, request: pb.SendMessagesRequest, context: Any
    ) -> pb.SendMessagesResponse:
        if not 0 < len(request.items) <= MAX_SENDS:
            raise InvalidArgument(field="items", problem=f"takes 1 to {MAX_SENDS} messages")
        sender = actor().person_id
        new_messages: list[NewMessage | Refusal] = []
        turns = Turns()
        for item in request.items:
            new_messages.append(translate.try_new_message(item, sender_id=sender))
            await turns.taken(item.ByteSize())
        permitted = sending.permitted(self._decisions, asker_of(caller()), new_messages)
        verdicts = await sending.send_messages(self._log, new_messages=permitted)
        return pb.SendMessagesResponse(verdicts=[translate.try_send_verdict(v) for v in verdicts])

    async def ListMessages(
        self, request: pb.ListMessagesRequest, context: Any
    ) -> pb.ListMessagesResponse:
        if request.before_seq and request.HasField("after_seq"):
            raise InvalidArgument(field="before_seq", problem="excludes after_seq")
        messages, more, last_seq = await queries.list_messages(
            self._store,
            actor=actor(),
            conversation_id=request.conversation_id,
            before_seq=request.before_seq,
            after_seq=request.after_seq if request.HasField("after_seq") else None,
            root_seq=request.root_seq,
            limit=translate.page_size(request.page_size, default=50, maximum=500),
        )
        return pb.ListMessagesResponse(messages=messages, has_more=more, last_seq=last_seq)

    async def GetMessage(
        self, request: pb.GetMessageRequest, context: Any
    ) -> pb.GetMessageResponse:
        message = await queries.get_message(
            self._store,
            actor=actor(),
            conversation_id=request.conversation_id,
            seq=request.seq,
            message_id=request.message_id,
        )
        return pb.GetMessageResponse(message=message)

    async def ListChanges(
        self, request: pb.ListChangesRequest, context: Any
    ) -> pb.ListChangesResponse:
        changes = await queries.list_changes(
            self._store,
            actor=actor(),
            conversation_id=request.conversation_id,
            since=request.since,
            limit=translate.page_size(request.page_size, default=500, maximum=1_000),
        )
        return translate.to_changes(changes)

    async def AdvanceCursors(
        self, request: pb.AdvanceCursorsRequest, context: Any
    ) -> pb.AdvanceCursorsResponse:
        if not 0 < len(request.advances) <= MAX_ADVANCES:
            raise InvalidArgument(field="advances", problem=f"takes 1 to {MAX_ADVANCES}")
        asker = asker_of(caller())
        refused = [bounds.violation(advance) for advance in request.advances]
        advanced = iter(
            await cursors.advance_cursors(
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
            verdicts=[translate.to_cursor_verdict(verdict) for verdict in verdicts]
        )

    async def ListReceipts(
        self, request: pb.ListReceiptsRequest, context: Any
    ) -> pb.ListReceiptsResponse:
        listing = Listing(name="receipts", filters=(request.conversation_id, str(request.seq)))
        receipts = await queries.list_receipts(
            self._store,
            actor=actor(),
            conversation_id=request.conversation_id,
            seq=request.seq,
            after=listing.last_id(request.page_token),
            limit=translate.page_size(request.page_size, default=200, maximum=1_000),
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
        thread = await queries.get_thread(
            self._store,
            actor=actor(),
            conversation_id=request.conversation_id,
            root_seq=request.root_seq,
        )
        return pb.GetThreadResponse(thread=translate.to_thread(thread))

    async def FollowThread(
        self, request: pb.FollowThreadRequest, context: Any
    ) -> pb.FollowThreadResponse:
        me, conversation_id, root_seq = actor(), request.conversation_id, request.root_seq
        await threads.follow_thread(
            self._store,
            actor=me,
            conversation_id=conversation_id,
            root_seq=root_seq,
            follow=not request.unfollow,
        )
        thread = await queries.get_thread(
            self._store, actor=me, conversation_id=conversation_id, root_seq=root_seq
        )
        return pb.FollowThreadResponse(thread=translate.to_thread(thread))

    async def PreviewSend(
        self, request: pb.PreviewSendRequest, context: Any
    ) -> pb.PreviewSendResponse:
        found = await queries.preview_send(
            self._store,
            actor=actor(),
            conversation_id=request.conversation_id,
            addressed=preview.to_addressed(request.mentions),
            at=preview.sending_at(request, now=self._clock.now()),
        )
        return preview.to_preview(found)

    async def GetMessagingStatus(
        self, request: pb.GetMessagingStatusRequest, context: Any
    ) -> pb.GetMessagingStatusResponse:
        tenant_id = actor().tenant_id
        await self._log.flush_heads()
        return pb.GetMessagingStatusResponse(
            conversations=await self._store.conversations.count(tenant_id),
            messages=await self._store.conversations.message_count(tenant_id),
        )


def _created(begun: Begun) -> pb.CreateConversationResponse:
    return pb.CreateConversationResponse(
        conversation=_conversation(begun), deduplicated=begun.deduplicated
    )


def _conversation(changed: Begun | MembershipChanged) -> conversations_pb2.Conversation:
    return conversation_to_proto(changed.conversation, change_no=changed.change_no, seq=changed.seq)


def _people(person_ids: Any) -> list[str]:
    if not 0 < len(person_ids) <= MAX_PEOPLE:
        raise InvalidArgument(field="person_ids", problem=f"takes 1 to {MAX_PEOPLE} people")
    return list(person_ids)
