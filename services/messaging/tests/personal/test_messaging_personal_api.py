"""PersonalService over a real gRPC socket, with signed callers."""

from datetime import UTC, datetime, timedelta

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from messaging.app import SERVICE, MessagingApi, PersonalApi
from messaging.config import ScheduleSection
from plexus.authz.v1.caller_pb2 import CallerContext
from plexus.messaging.v1 import (
    conversations_pb2,
    messages_pb2,
    messaging_service_pb2,
    personal_service_pb2,
)
from plexus.messaging.v1.messaging_service_pb2_grpc import (
    MessagingServiceStub,
    add_MessagingServiceServicer_to_server,
)
from plexus.messaging.v1.personal_service_pb2_grpc import (
    PersonalServiceStub,
    add_PersonalServiceServicer_to_server,
)
from plexus_testkit.companies import Company
from plexuskit.clock import SystemClock
from plexuskit.config import GrpcSection
from plexuskit.grpc import (
    METADATA_KEY,
    CallerSigner,
    CallerTokens,
    CallerVerifier,
    refused,
    serve,
)

pb = personal_service_pb2
State = pb.ScheduledMessage


@pytest.fixture
def company():
    return Company()


@pytest.fixture
async def port(log, cursors, people, store, caller_keys_of, runtime, company):
    section = ScheduleSection()
    async with serve(
        GrpcSection(port=0, drain_seconds=1),
        service=SERVICE,
        servicers=[
            (
                add_MessagingServiceServicer_to_server,
                MessagingApi(log, cursors, people, decisions=company.decisions),
            ),
            (
                add_PersonalServiceServicer_to_server,
                PersonalApi(
                    store, decisions=company.decisions, section=section, clock=runtime.clock
                ),
            ),
        ],
        verifier=CallerVerifier(caller_keys_of("messaging"), SERVICE),
        runtime=runtime,
        health=runtime.health,
    ) as bound:
        yield bound


@pytest.fixture
def as_(caller_keys):
    def make(name):
        context = CallerContext(
            kind=CallerContext.KIND_PERSON,
            tenant_id="ten_acme",
            person_id=name,
            session_id=f"ses_{name}",
            roles=["member"],
        )
        tokens = CallerTokens(CallerSigner(caller_keys), context, clock=SystemClock())
        return ((METADATA_KEY, tokens.for_audience(SERVICE)),)

    return make


@pytest.fixture
async def channel(port):
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel


@pytest.fixture
def personal(channel):
    return PersonalServiceStub(channel)


@pytest.fixture
def messaging(channel):
    return MessagingServiceStub(channel)


@pytest.fixture
def reason_of():
    """Return the reason with which a call is refused: `await reason_of(stub.Call(…))`."""

    async def refusal(call):
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await call
        return refused(error.value).reason

    return refusal


def stamp(at: datetime) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(at)
    return made


def in_(ahead: timedelta) -> Timestamp:
    return stamp(SystemClock().now() + ahead)


async def test_a_draft_comes_back_as_it_was_written_on_another_device(personal, as_, group):
    room = await group("ann", "bob")
    written = SystemClock().now() - timedelta(minutes=1)
    request = pb.SaveDraftRequest(
        conversation_id=room,
        text="@bob 看一下 这个",
        spans=[messages_pb2.Span(start=0, length=4, mention_person_id="bob")],
        mentions=[messages_pb2.Mention(person_id="bob")],
        attachments=[messages_pb2.Attachment(name="报价.pdf", url="https://files/1")],
        quote_seq=3,
        written_at=stamp(written),
    )
    saved = (await personal.SaveDraft(request, metadata=as_("ann"))).draft
    listed = (await personal.ListDrafts(pb.ListDraftsRequest(), metadata=as_("ann"))).drafts

    assert list(listed) == [saved]
    assert (saved.text, saved.person_id, saved.version) == (request.text, "ann", 1)
    assert (saved.spans, saved.attachments, saved.quote_seq) == (
        request.spans,
        request.attachments,
        3,
    )
    assert saved.written_at.ToDatetime(UTC) == written
    others = await personal.ListDrafts(pb.ListDraftsRequest(), metadata=as_("bob"))
    assert not others.drafts

    older = pb.SaveDraftRequest(
        conversation_id=room, text="older", written_at=stamp(written - timedelta(minutes=1))
    )
    kept = (await personal.SaveDraft(older, metadata=as_("ann"))).draft
    assert kept.text == request.text
    blank = pb.SaveDraftRequest(conversation_id=room, text=" \n", written_at=in_(timedelta(0)))
    emptied = (await personal.SaveDraft(blank, metadata=as_("ann"))).draft
    assert (emptied.text, emptied.version) == ("", 2)
    assert not (await personal.ListDrafts(pb.ListDraftsRequest(), metadata=as_("ann"))).drafts


async def test_msg_18_what_is_no_draft_is_refused_by_name(personal, as_, group, reason_of):
    room = await group("ann", "bob")

    async def reason(**fields):
        request = pb.SaveDraftRequest(**{"conversation_id": room, "text": "x", **fields})
        return await reason_of(personal.SaveDraft(request, metadata=as_("ann")))

    now = in_(timedelta(0))
    assert await reason(written_at=now, text="x" * 153_601) == "TEXT_TOO_LONG"
    assert await reason() == "INVALID_ARGUMENT"
    assert await reason(written_at=now, root_seq=-1) == "FIELD_OUT_OF_RANGE"
    assert await reason(written_at=now, root_seq=7) == "MESSAGE_NOT_FOUND"
    assert await reason(written_at=now, conversation_id="cnv_none") == "CONVERSATION_NOT_FOUND"


async def test_drafts_and_scheduled_messages_are_paged(personal, as_, group, reason_of):
    rooms = [await group("ann", f"p{n}") for n in range(5)]
    for n, room in enumerate(rooms):
        draft = pb.SaveDraftRequest(
            conversation_id=room, text="x", written_at=in_(-timedelta(minutes=n))
        )
        await personal.SaveDraft(draft, metadata=as_("ann"))
        words = pb.ScheduledContent(conversation_id=room, text="x")
        scheduled = pb.ScheduleMessageRequest(message=words, send_at=in_(timedelta(hours=1 + n)))
        await personal.ScheduleMessage(scheduled, metadata=as_("ann"))

    async def all_pages(method, request):
        found = []
        while True:
            response = await method(request, metadata=as_("ann"))
            found += getattr(response, "drafts", None) or response.scheduled
            request.page_token = response.next_page_token
            if not response.next_page_token:
                return [each.conversation_id for each in found]

    assert await all_pages(personal.ListDrafts, pb.ListDraftsRequest(page_size=2)) == rooms
    request = pb.ListScheduledMessagesRequest(page_size=2)
    assert await all_pages(personal.ListScheduledMessages, request) == rooms
    for token in ("bm9uc2Vuc2U=", "MSAxIA=="):
        wrong = pb.ListScheduledMessagesRequest(page_token=token)
        call = personal.ListScheduledMessages(wrong, metadata=as_("ann"))
        assert await reason_of(call) == "INVALID_PAGE_TOKEN"
        other = pb.ListDraftsRequest(page_token=token)
        if token != "MSAxIA==":
            assert await reason_of(personal.ListDrafts(other, metadata=as_("ann"))) == (
                "INVALID_PAGE_TOKEN"
            )


async def test_settings_stand_in_the_view_until_they_are_changed(
    personal, messaging, as_, group, reason_of
):
    room = await group("ann", "bob")
    for_ever = stamp(datetime(9999, 12, 31, tzinfo=UTC))

    async def update(who="ann", **fields):
        request = pb.UpdateConversationSettingsRequest(conversation_id=room, **fields)
        response = await personal.UpdateConversationSettings(request, metadata=as_(who))
        return response.settings

    await update(folder="供应商", starred=True, muted_until=for_ever)
    marked = await update(marked_unread=True)
    assert (marked.folder, marked.starred, marked.version) == ("供应商", True, 2)
    assert marked.muted_until == for_ever

    request = messaging_service_pb2.ListConversationsRequest()
    listed = (await messaging.ListConversations(request, metadata=as_("ann"))).views
    assert [view.settings for view in listed] == [marked]
    one = messaging_service_pb2.GetConversationRequest(conversation_id=room)
    view = (await messaging.GetConversation(one, metadata=as_("ann"))).view
    assert view.settings == marked
    others = (await messaging.GetConversation(one, metadata=as_("bob"))).view
    assert others.settings == conversations_pb2.ConversationSettings(conversation_id=room)

    freed = await update(folder="", muted_until=stamp(datetime(2020, 1, 1, tzinfo=UTC)))
    assert (freed.folder, freed.HasField("muted_until")) == ("", False)
    eve = pb.UpdateConversationSettingsRequest(conversation_id=room, starred=True)
    call = personal.UpdateConversationSettings(eve, metadata=as_("eve"))
    assert await reason_of(call) == "CONVERSATION_NOT_FOUND"


async def test_msg_03_scheduling_again_with_one_request_id_schedules_one(
    personal, as_, group, reason_of
):
    room = await group("ann", "bob")
    words = pb.ScheduledContent(conversation_id=room, text="**明天**见", format=2, priority=2)
    request = pb.ScheduleMessageRequest(
        request_id="s1", message=words, send_at=in_(timedelta(hours=1))
    )
    first, second = [
        (await personal.ScheduleMessage(request, metadata=as_("ann"))).scheduled for _ in range(2)
    ]
    assert first == second
    assert (first.state, first.text, first.format) == (State.STATE_WAITING, words.text, 2)
    assert first.send_at == request.send_at

    request.message.text = "other"
    call = personal.ScheduleMessage(request, metadata=as_("ann"))
    assert await reason_of(call) == "REQUEST_ID_REUSED"


async def test_msg_17_a_waiting_message_is_changed_cancelled_and_listed(
    personal, as_, group, reason_of
):
    room = await group("ann", "bob")
    words = pb.ScheduledContent(conversation_id=room, text="v1")
    made = pb.ScheduleMessageRequest(message=words, send_at=in_(timedelta(hours=1)))
    scheduled = (await personal.ScheduleMessage(made, metadata=as_("ann"))).scheduled

    words.text = "v2"
    update = pb.UpdateScheduledMessageRequest(id=scheduled.id, message=words, expected_version=1)
    changed = (await personal.UpdateScheduledMessage(update, metadata=as_("ann"))).scheduled
    assert (changed.text, changed.version) == ("v2", 2)
    assert changed.send_at == scheduled.send_at
    assert await reason_of(personal.UpdateScheduledMessage(update, metadata=as_("ann"))) == (
        "VERSION_CONFLICT"
    )
    elsewhere = pb.UpdateScheduledMessageRequest(
        id=scheduled.id, message=pb.ScheduledContent(conversation_id="cnv_2", text="v3")
    )
    call = personal.UpdateScheduledMessage(elsewhere, metadata=as_("ann"))
    assert await reason_of(call) == "INVALID_ARGUMENT"

    cancel = pb.CancelScheduledMessageRequest(id=scheduled.id)
    assert await reason_of(personal.CancelScheduledMessage(cancel, metadata=as_("bob"))) == (
        "SCHEDULED_MESSAGE_NOT_FOUND"
    )
    gone = (await personal.CancelScheduledMessage(cancel, metadata=as_("ann"))).scheduled
    assert gone.state == State.STATE_CANCELLED

    async def listed(**fields):
        request = pb.ListScheduledMessagesRequest(**fields)
        response = await personal.ListScheduledMessages(request, metadata=as_("ann"))
        return list(response.scheduled)

    assert await listed() == []
    assert await listed(include_ended=True) == [gone]
    late = pb.UpdateScheduledMessageRequest(id=scheduled.id, send_at=in_(timedelta(hours=2)))
    call = personal.UpdateScheduledMessage(late, metadata=as_("ann"))
    assert await reason_of(call) == "SCHEDULED_MESSAGE_ENDED"


async def test_msg_17_what_cannot_be_said_or_not_then_is_refused_at_once(
    personal, as_, group, reason_of
):
    room = await group("ann", "bob")

    async def reason(text="x", *, room=room, ahead=timedelta(hours=1)):
        words = pb.ScheduledContent(conversation_id=room, text=text)
        request = pb.ScheduleMessageRequest(message=words, send_at=in_(ahead))
        return await reason_of(personal.ScheduleMessage(request, metadata=as_("ann")))

    assert await reason("") == "MESSAGE_EMPTY"
    assert await reason("x" * 153_601) == "TEXT_TOO_LONG"
    assert await reason(room="cnv_none") == "CONVERSATION_NOT_FOUND"
    assert await reason(ahead=timedelta(seconds=30)) == "SCHEDULE_IN_THE_PAST"
    assert await reason(ahead=timedelta(days=400)) == "SCHEDULE_TOO_FAR"
