"""PersonalService: drafts and scheduled messages."""

from datetime import datetime, timedelta
from typing import Any

from plexus.messaging.v1 import personal_service_pb2
from plexus.messaging.v1.messaging_service_pb2 import SendMessageRequest
from plexus_access.decisions import Decisions, asker_of
from plexus_access.objects import CONVERSATION, Object
from plexuskit.clock import Clock
from plexuskit.errors import InvalidArgument
from plexuskit.grpc import actor, caller
from plexuskit.paging import Listing, from_milliseconds, to_milliseconds
from plexuskit.request_ids import request_of

from messaging.config import ScheduleSection
from messaging.contract.api import from_timestamp, page_size
from messaging.messages.api import translation
from messaging.messages.domain.messages import NewMessage
from messaging.messages.operations.messages import SEND
from messaging.personal.domain.drafts import Draft, DraftKey, check_words
from messaging.personal.domain.scheduled import Authority, Scheduled
from messaging.personal.events import draft_to_proto, scheduled_to_proto
from messaging.personal.operations.drafts import save_draft
from messaging.personal.operations.scheduled import (
    cancel_scheduled_message,
    schedule_message,
    schedule_once,
    update_scheduled_message,
)
from messaging.personal.queries.drafts import list_drafts
from messaging.personal.queries.scheduled import list_scheduled_messages
from messaging.personal.store.scheduled import Place, place_of
from messaging.personal.store.stores import Store

pb = personal_service_pb2

PAGE = 100
MAX_PAGE_SIZE = 500


class DraftsApi:
    """A part of PersonalService; each method reads, calls one operation or query, and answers."""

    def __init__(self, store: Store, *, decisions: Decisions, clock: Clock) -> None:
        self._store = store
        self._decisions = decisions
        self._clock = clock

    async def SaveDraft(self, request: pb.SaveDraftRequest, context: Any) -> pb.SaveDraftResponse:
        me = actor()
        saved = await save_draft(
            self._store,
            actor=me,
            draft=to_saved_draft(request, person_id=me.person_id, tenant_id=me.tenant_id),
            now=self._clock.now(),
        )
        return pb.SaveDraftResponse(draft=draft_to_proto(saved))

    async def ListDrafts(
        self, request: pb.ListDraftsRequest, context: Any
    ) -> pb.ListDraftsResponse:
        asker, me = asker_of(caller()), actor()
        listing = Listing(name="drafts", filters=(me.person_id,))
        found, end = await list_drafts(
            self._store,
            actor=me,
            before=_instant_and_id(listing, request.page_token),
            limit=page_size(request.page_size, default=PAGE, maximum=MAX_PAGE_SIZE),
            may=lambda each: self._decisions.allows(asker, [(SEND, Object(CONVERSATION, each))]),
        )
        token = "" if end is None else listing.token(to_milliseconds(end[0]), end[1])
        return pb.ListDraftsResponse(
            drafts=[draft_to_proto(draft) for draft in found], next_page_token=token
        )


class ScheduledApi:
    """A part of PersonalService; each method reads, calls one operation or query, and answers."""

    def __init__(
        self, store: Store, *, decisions: Decisions, section: ScheduleSection, clock: Clock
    ) -> None:
        self._store = store
        self._decisions = decisions
        self._clock = clock
        self._shortest = timedelta(seconds=section.shortest_seconds)

    async def ScheduleMessage(
        self, request: pb.ScheduleMessageRequest, context: Any
    ) -> pb.ScheduleMessageResponse:
        me, now = actor(), self._clock.now()
        write = schedule_message(
            self._store,
            actor=me,
            new_message=to_new_message(request.message, sender_id=me.person_id),
            words=request.message.SerializeToString(deterministic=True),
            send_at=_send_at(request),
            authority=_authority(),
            shortest=self._shortest,
            now=now,
        )
        scheduled = await schedule_once(self._store, write, request=request_of(request), now=now)
        return pb.ScheduleMessageResponse(scheduled=scheduled_to_proto(scheduled))

    async def UpdateScheduledMessage(
        self, request: pb.UpdateScheduledMessageRequest, context: Any
    ) -> pb.UpdateScheduledMessageResponse:
        me, words = actor(), None
        if request.HasField("message"):
            to_new_message(request.message, sender_id=me.person_id)
            words = request.message.SerializeToString(deterministic=True)
        scheduled = await update_scheduled_message(
            self._store,
            actor=me,
            scheduled_id=request.id,
            conversation_id=request.message.conversation_id,
            words=words,
            send_at=_send_at(request) if request.HasField("send_at") else None,
            authority=_authority(),
            expected_version=request.expected_version,
            shortest=self._shortest,
            now=self._clock.now(),
        )
        return pb.UpdateScheduledMessageResponse(scheduled=scheduled_to_proto(scheduled))

    async def CancelScheduledMessage(
        self, request: pb.CancelScheduledMessageRequest, context: Any
    ) -> pb.CancelScheduledMessageResponse:
        scheduled = await cancel_scheduled_message(
            self._store, actor=actor(), scheduled_id=request.id, now=self._clock.now()
        )
        return pb.CancelScheduledMessageResponse(scheduled=scheduled_to_proto(scheduled))

    async def ListScheduledMessages(
        self, request: pb.ListScheduledMessagesRequest, context: Any
    ) -> pb.ListScheduledMessagesResponse:
        asker, me = asker_of(caller()), actor()
        listing = Listing(name="scheduled", filters=(me.person_id, str(request.include_ended)))
        found, more = await list_scheduled_messages(
            self._store,
            actor=me,
            after=_place(listing, request.page_token),
            include_ended=request.include_ended,
            limit=page_size(request.page_size, default=PAGE, maximum=MAX_PAGE_SIZE),
        )
        token = ""
        if more:
            last = place_of(found[-1])
            token = listing.token(last.rank, last.order, last.id)
        return pb.ListScheduledMessagesResponse(
            scheduled=[
                scheduled_to_proto(each)
                for each in self._decisions.visible(
                    asker, SEND, CONVERSATION, found, lambda each: str(each.conversation_id)
                )
            ],
            next_page_token=token,
        )


def to_saved_draft(request: pb.SaveDraftRequest, *, person_id: str, tenant_id: str) -> Draft:
    """Read a draft to store; blank text without attachments is none.

    Raises:
        TextTooLong, TooManyMentions: see domain.
        InvalidArgument: no time, or too many parts.
    """
    if not request.HasField("written_at"):
        raise InvalidArgument(field="written_at", problem="is needed")
    check_words(
        text=request.text,
        spans=len(request.spans),
        mentions=len(request.mentions),
        attachments=len(request.attachments),
    )
    words = pb.Draft()
    if request.text.strip() or request.attachments:
        words = pb.Draft(
            text=request.text,
            spans=request.spans,
            mentions=request.mentions,
            attachments=request.attachments,
            quote_seq=request.quote_seq,
        )
    return Draft(
        key=DraftKey(person_id, request.conversation_id, request.root_seq),
        tenant_id=tenant_id,
        words=words.SerializeToString(deterministic=True),
        written_at=from_timestamp(request.written_at, field="written_at"),
    )


def to_new_message(
    words: pb.ScheduledContent, *, sender_id: str, request_id: str = "later"
) -> NewMessage:
    """Read the content of a scheduled message exactly as SendMessage reads its own.

    Raises:
        InvalidArgument, TextTooLong, MessageEmpty, TooManyMentions: see domain.
    """
    command = SendMessageRequest(
        conversation_id=words.conversation_id,
        request_id=request_id,
        text=words.text,
        format=words.format,
        spans=words.spans,
        mentions=words.mentions,
        priority=words.priority,
        reply_to_seq=words.reply_to_seq,
        attachments=words.attachments,
        quote_seq=words.quote_seq,
        notify=words.notify,
    )
    return translation.to_new_message(command, sender_id=sender_id)


def read_scheduled(scheduled: Scheduled) -> NewMessage:
    """Make the message of a scheduled one; its id is the only request id (MSG-3, MSG-17).

    Raises:
        InvalidArgument, TextTooLong, MessageEmpty, TooManyMentions: see domain.
    """
    words = pb.ScheduledContent.FromString(scheduled.words)
    return to_new_message(words, sender_id=scheduled.person_id, request_id=scheduled.id)


def _send_at(request: pb.ScheduleMessageRequest | pb.UpdateScheduledMessageRequest) -> datetime:
    return from_timestamp(request.send_at, field="send_at")


def _authority() -> Authority:
    """Return the rights of the call that is being served."""
    context = caller()
    return Authority(
        api_token_id=context.api_token_id,
        scopes=frozenset(context.scopes),
        second_factor=context.second_factor,
    )


def _instant_and_id(listing: Listing, token: str) -> tuple[datetime, str] | None:
    position = listing.position(token, shape=(int, str))
    return None if position is None else (from_milliseconds(int(position[0])), str(position[1]))


def _place(listing: Listing, token: str) -> Place | None:
    position = listing.position(token, shape=(int, int, str))
    if position is None:
        return None
    rank, order, last = position
    return Place(int(rank), int(order), str(last))
