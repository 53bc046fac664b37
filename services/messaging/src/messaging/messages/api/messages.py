"""MessagingService: messages, and changes of them by members."""

from collections.abc import Sequence
from typing import Any, Final

from plexus.messaging.v1 import messaging_service_pb2
from plexus_access.decisions import Decisions, asker_of
from plexus_access.objects import PERSON
from plexuskit.errors import InvalidArgument, Refusal
from plexuskit.grpc import actor, caller
from plexuskit.paging import Listing, from_milliseconds, to_milliseconds
from plexuskit.request_ids import Request, request_of
from plexuskit.turns import Turns

from messaging.contract.api import page_size
from messaging.log.operations.logs import Log
from messaging.messages.api.previews import sending_at, to_addressed, to_preview
from messaging.messages.api.translation import (
    to_changes,
    to_content,
    to_new_message,
    to_send_response,
    try_new_message,
    try_send_verdict,
)
from messaging.messages.domain.availability import OffHours
from messaging.messages.domain.messages import NewMessage
from messaging.messages.operations import messages
from messaging.messages.operations.changes import ChangeRequest
from messaging.messages.operations.forwards import forward_messages
from messaging.messages.queries.changes import list_changes
from messaging.messages.queries.messages import get_message, list_message_versions, list_messages
from messaging.messages.queries.pins import list_pins
from messaging.messages.queries.sends import preview_send
from messaging.messages.store.stores import Store

pb = messaging_service_pb2

MAX_SENDS = 256
READ_PEOPLE: Final = "people.read"


class MessagesApi:
    """A part of MessagingService; each method reads, calls one operation or query, and answers."""

    def __init__(self, log: Log[Store], *, decisions: Decisions) -> None:
        self._log = log
        self._store = log.store
        self._clock = log.clock
        self._decisions = decisions

    async def SendMessage(
        self, request: pb.SendMessageRequest, context: Any
    ) -> pb.SendMessageResponse:
        new_message = to_new_message(request, sender_id=actor().person_id)
        return to_send_response(await messages.send_message(self._log, new_message=new_message))

    async def SendMessages(
        self, request: pb.SendMessagesRequest, context: Any
    ) -> pb.SendMessagesResponse:
        if not 0 < len(request.items) <= MAX_SENDS:
            raise InvalidArgument(field="items", problem=f"takes 1 to {MAX_SENDS} messages")
        sender = actor().person_id
        new_messages: list[NewMessage | Refusal] = []
        turns = Turns()
        for item in request.items:
            new_messages.append(try_new_message(item, sender_id=sender))
            await turns.taken(item.ByteSize())
        permitted = messages.permitted(self._decisions, asker_of(caller()), new_messages)
        verdicts = await messages.send_messages(self._log, new_messages=permitted)
        return pb.SendMessagesResponse(verdicts=[try_send_verdict(v) for v in verdicts])

    async def ListMessages(
        self, request: pb.ListMessagesRequest, context: Any
    ) -> pb.ListMessagesResponse:
        if request.before_seq and request.HasField("after_seq"):
            raise InvalidArgument(field="before_seq", problem="excludes after_seq")
        messages, more, last_seq = await list_messages(
            self._store,
            actor=actor(),
            conversation_id=request.conversation_id,
            before_seq=request.before_seq,
            after_seq=request.after_seq if request.HasField("after_seq") else None,
            root_seq=request.root_seq,
            limit=page_size(request.page_size, default=50, maximum=500),
        )
        return pb.ListMessagesResponse(messages=messages, has_more=more, last_seq=last_seq)

    async def GetMessage(
        self, request: pb.GetMessageRequest, context: Any
    ) -> pb.GetMessageResponse:
        message = await get_message(
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
        changes = await list_changes(
            self._store,
            actor=actor(),
            conversation_id=request.conversation_id,
            since=request.since,
            limit=page_size(request.page_size, default=500, maximum=1_000),
        )
        return to_changes(changes)

    async def PreviewSend(
        self, request: pb.PreviewSendRequest, context: Any
    ) -> pb.PreviewSendResponse:
        found = await preview_send(
            self._store,
            actor=actor(),
            conversation_id=request.conversation_id,
            addressed=to_addressed(request.mentions),
            at=sending_at(request, now=self._clock.now()),
        )
        return to_preview(found, people=self._named(found.people))

    def _named(self, people: Sequence[OffHours]) -> Sequence[OffHours]:
        """Return the people whom the caller may read: none for guests (GW-5)."""
        asker = asker_of(caller())
        if caller().guest or not self._decisions.holds(asker, READ_PEOPLE):
            return ()
        return self._decisions.visible(
            asker, READ_PEOPLE, PERSON, people, lambda each: each.person_id
        )

    async def EditMessage(
        self, request: pb.EditMessageRequest, context: Any
    ) -> pb.EditMessageResponse:
        me = actor()
        content = to_content(request)
        message = await messages.edit_message(
            self._log,
            self._change(request, request_of(request)),
            content=content,
            expected_version=(
                request.expected_version if request.HasField("expected_version") else None
            ),
            policy=await self._store.policies.get(me.tenant_id),
        )
        members = (await self._log.state(request.conversation_id)).members
        return pb.EditMessageResponse(
            message=message,
            not_in_conversation=[each for each in content.mentions if each not in members],
        )

    async def ListMessageVersions(
        self, request: pb.ListMessageVersionsRequest, context: Any
    ) -> pb.ListMessageVersionsResponse:
        me = actor()
        listing = Listing(name="versions", filters=(request.conversation_id, str(request.seq)))
        position = listing.position(request.page_token, shape=(int,))
        versions, after = await list_message_versions(
            self._store,
            actor=me,
            conversation_id=request.conversation_id,
            seq=request.seq,
            after=0 if position is None else int(position[0]),
            limit=page_size(request.page_size, default=100, maximum=100),
        )
        return pb.ListMessageVersionsResponse(
            versions=versions, next_page_token=listing.token(after) if after else ""
        )

    async def RecallMessage(
        self, request: pb.RecallMessageRequest, context: Any
    ) -> pb.RecallMessageResponse:
        me = actor()
        message = await messages.recall_message(
            self._log,
            self._change(request, request_of(request)),
            policy=await self._store.policies.get(me.tenant_id),
        )
        return pb.RecallMessageResponse(message=message)

    async def ReactToMessage(
        self, request: pb.ReactToMessageRequest, context: Any
    ) -> pb.ReactToMessageResponse:
        message = await messages.react_to_message(
            self._log,
            self._change(request, request_of(request)),
            emoji=request.emoji,
            remove=request.remove,
        )
        return pb.ReactToMessageResponse(message=message)

    async def PinMessage(
        self, request: pb.PinMessageRequest, context: Any
    ) -> pb.PinMessageResponse:
        message = await messages.pin_message(
            self._log,
            self._change(request, request_of(request)),
            unpin=request.unpin,
        )
        return pb.PinMessageResponse(message=message)

    async def ListPins(self, request: pb.ListPinsRequest, context: Any) -> pb.ListPinsResponse:
        me = actor()
        listing = Listing(name="pins", filters=(request.conversation_id,))
        position = listing.position(request.page_token, shape=(int, int))
        pinned, end = await list_pins(
            self._store,
            actor=me,
            conversation_id=request.conversation_id,
            before=(
                None
                if position is None
                else (from_milliseconds(int(position[0])), int(position[1]))
            ),
            limit=page_size(request.page_size, default=200, maximum=200),
        )
        return pb.ListPinsResponse(
            messages=pinned,
            next_page_token="" if end is None else listing.token(to_milliseconds(end[0]), end[1]),
        )

    async def LabelMessage(
        self, request: pb.LabelMessageRequest, context: Any
    ) -> pb.LabelMessageResponse:
        message = await messages.label_message(
            self._log,
            self._change(request, request_of(request)),
            add=request.add,
            remove=request.remove,
        )
        return pb.LabelMessageResponse(message=message)

    async def ForwardMessages(
        self, request: pb.ForwardMessagesRequest, context: Any
    ) -> pb.ForwardMessagesResponse:
        stored = await forward_messages(
            self._log,
            actor=actor(),
            conversation_id=request.conversation_id,
            seqs=request.seqs,
            to_conversation_id=request.to_conversation_id,
            merged=request.merged,
            comment=request.comment,
            request_id=request.request_id,
        )
        return pb.ForwardMessagesResponse(stored=[to_send_response(each) for each in stored])

    def _change(self, message: Any, request: Request | None) -> ChangeRequest:
        """Read caller and message of a change."""
        return ChangeRequest(
            actor=actor(),
            conversation_id=message.conversation_id,
            seq=message.seq,
            request=request,
            now=self._clock.now(),
        )
