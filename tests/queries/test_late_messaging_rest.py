"""Calls of messaging about one message or person, on a MongoDB that takes 3 ms more a command."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from messaging.app import SOURCES, MessagingApi, PersonalApi, Store
from messaging.config import ScheduleSection
from messaging.conversations.api.conversations import MAX_PEOPLE
from messaging.importing.api.importing import ImportApi
from messaging.messages.api.authority import AuthorityApi
from messaging.personal.api import MAX_PAGE_SIZE
from messaging.presence.api import MAX_PEOPLE as MAX_PRESENCES
from messaging.presence.api import SignalApi
from messaging.presence.operations.presence import Presences
from messaging.presence.operations.signals import Signals
from messaging.reading.operations.cursors import place_cursors
from plexus.authz.v1 import authority_pb2
from plexus.messaging.v1 import (
    conversations_pb2,
    import_service_pb2,
    messages_pb2,
    personal_service_pb2,
    signal_service_pb2,
)
from plexus.messaging.v1 import messaging_service_pb2 as pb
from plexus_testkit.companies import Company
from plexuskit.clock import SystemClock
from plexuskit.mongo import Database

from .messaging_process import Everybody, writing

GROUP = conversations_pb2.Conversation.KIND_GROUP
MESSAGING = "messaging.MessagingService"
FEW = 20


class Outlet:
    """Kafka at the outer seam: accepts every published record."""

    def __init__(self) -> None:
        self.offered: list[object] = []

    def offer(self, record: object) -> None:
        self.offered.append(record)


@pytest.fixture
async def api(late_db: Database) -> AsyncIterator[SimpleNamespace]:
    """Yield the services of one process without its background tasks: each command is a call's."""
    store, clock, decisions = Store(late_db), SystemClock(), Company().decisions
    await store.provision()
    outlet = Outlet()
    async with writing(store, clock=clock) as (log, cursors):
        yield SimpleNamespace(
            messaging=MessagingApi(log, cursors, Everybody(), decisions=decisions),
            imports=ImportApi(log, Everybody(), place_cursors=partial(place_cursors, log.store)),
            authority=AuthorityApi(store, sources=SOURCES),
            personal=PersonalApi(
                store, decisions=decisions, section=ScheduleSection(), clock=clock
            ),
            signals=SignalApi(store, Signals(outlet), Presences(), clock=clock),
            outlet=outlet,
        )


async def begin(api, *, name, members):
    request = pb.CreateConversationRequest(kind=GROUP, name=name, member_ids=members)
    return (await api.messaging.CreateConversation(request, None)).conversation.id


def in_an_hour() -> Timestamp:
    at = Timestamp()
    at.FromDatetime(datetime.now(UTC) + timedelta(hours=1))
    return at


@pytest.mark.largest(
    MESSAGING,
    *("SendMessage", "EditMessage", "ReactToMessage", "PinMessage", "LabelMessage"),
    *("PreviewSend", "RecallMessage", "UpdateConversation", "LeaveConversation"),
    "ChangeMemberRole",
    *("ExportConversationAnchors", "GetMessagingPolicy", "UpdateMessagingPolicy"),
    "GetMessagingStatus",
)
async def test_one_message_of_a_conversation_of_a_thousand(api, called, as_person):
    as_person("ann", "admin")
    people = [f"per_{number}" for number in range(MAX_PEOPLE)]
    room = await begin(api, name="all", members=people)
    mentions = [messages_pb2.Mention(person_id=each) for each in people[:50]]
    others = [messages_pb2.Mention(person_id=each) for each in people[50:100]]
    service, place = api.messaging, {"conversation_id": room, "seq": 1}
    ask = [
        (
            service.SendMessage,
            pb.SendMessageRequest(
                conversation_id=room, request_id="r1", text="x" * 50_000, mentions=mentions
            ),
        ),
        (
            service.EditMessage,
            pb.EditMessageRequest(**place, text="y" * 50_000, mentions=others, request_id="e1"),
        ),
        (service.ReactToMessage, pb.ReactToMessageRequest(**place, emoji="👍")),
        (service.PinMessage, pb.PinMessageRequest(**place)),
        (
            service.LabelMessage,
            pb.LabelMessageRequest(**place, add=[f"label {number}" for number in range(20)]),
        ),
        (
            service.PreviewSend,
            pb.PreviewSendRequest(conversation_id=room, send_at=in_an_hour(), mentions=mentions),
        ),
        (service.RecallMessage, pb.RecallMessageRequest(**place, request_id="c1")),
        (
            service.UpdateConversation,
            pb.UpdateConversationRequest(conversation_id=room, topic="t" * 500, request_id="u1"),
        ),
        (
            service.ChangeMemberRole,
            pb.ChangeMemberRoleRequest(
                conversation_id=room,
                person_id=people[1],
                role=conversations_pb2.Member.ROLE_OWNER,
                transfer=True,
                request_id="o1",
            ),
        ),
        (service.ExportConversationAnchors, pb.ExportConversationAnchorsRequest(page_size=1_000)),
        (service.GetMessagingPolicy, pb.GetMessagingPolicyRequest()),
        (
            service.UpdateMessagingPolicy,
            pb.UpdateMessagingPolicyRequest(
                policy=pb.MessagingPolicy(
                    edit_window_seconds=3_600,
                    recall_window_seconds=120,
                    admin_recall_window_seconds=3_600,
                    receipts=pb.MessagingPolicy.RECEIPTS_NAMES,
                    receipt_names_limit=5_000,
                )
            ),
        ),
        (service.GetMessagingStatus, pb.GetMessagingStatusRequest()),
    ]

    for call, request in ask:
        await called(partial(call, request, None), maximum=FEW)
    as_person(people[0])
    await called(
        partial(service.LeaveConversation, pb.LeaveConversationRequest(conversation_id=room), None),
        maximum=FEW,
    )
    as_person("ann", "admin")
    members = await service.ListMembers(
        pb.ListMembersRequest(conversation_id=room, page_size=1_000), None
    )

    assert people[0] not in {member.person_id for member in members.members}


@pytest.mark.largest(
    "messaging.PersonalService",
    *("SaveDraft", "ListDrafts", "UpdateConversationSettings", "ScheduleMessage"),
    *("UpdateScheduledMessage", "CancelScheduledMessage", "ListScheduledMessages"),
)
@pytest.mark.largest("messaging.SignalService", "SignalTyping", "SignalPresence", "ListPresence")
@pytest.mark.largest("messaging.Authority", "ReadableContainers")
@pytest.mark.largest("messaging.ImportService", "FinishImport")
async def test_what_a_person_keeps_at_its_largest(api, called, as_person):
    as_person("ann", "admin")
    people = [f"per_{number}" for number in range(MAX_PRESENCES)]
    rooms = [
        await begin(api, name=f"r{number}", members=people[:2]) for number in range(MAX_PAGE_SIZE)
    ]
    everybody = await begin(api, name="all", members=people)
    personal = personal_service_pb2
    now = Timestamp()
    now.GetCurrentTime()
    for room in rooms:
        await api.personal.SaveDraft(
            personal.SaveDraftRequest(conversation_id=room, text="draft", written_at=now), None
        )
    scheduled = [
        (
            await api.personal.ScheduleMessage(
                personal.ScheduleMessageRequest(
                    request_id=f"s{number}",
                    message=personal.ScheduledContent(conversation_id=room, text="later"),
                    send_at=in_an_hour(),
                ),
                None,
            )
        ).scheduled
        for number, room in enumerate(rooms[:100])
    ]
    first, service = scheduled[0].id, api.personal
    typing = signal_service_pb2.SignalTypingRequest(conversation_id=everybody)
    online = signal_service_pb2.Presence.STATE_ONLINE
    ask = [
        (
            service.SaveDraft,
            personal.SaveDraftRequest(conversation_id=rooms[0], text="x" * 50_000, written_at=now),
        ),
        (service.ListDrafts, personal.ListDraftsRequest(page_size=MAX_PAGE_SIZE)),
        (
            service.UpdateConversationSettings,
            personal.UpdateConversationSettingsRequest(conversation_id=rooms[0], starred=True),
        ),
        (
            service.ScheduleMessage,
            personal.ScheduleMessageRequest(
                request_id="largest",
                message=personal.ScheduledContent(conversation_id=everybody, text="x" * 50_000),
                send_at=in_an_hour(),
            ),
        ),
        (
            service.UpdateScheduledMessage,
            personal.UpdateScheduledMessageRequest(id=first, send_at=in_an_hour()),
        ),
        (service.CancelScheduledMessage, personal.CancelScheduledMessageRequest(id=first)),
        (
            service.ListScheduledMessages,
            personal.ListScheduledMessagesRequest(include_ended=True, page_size=MAX_PAGE_SIZE),
        ),
        (api.signals.SignalTyping, typing),
        (
            api.signals.SignalPresence,
            signal_service_pb2.SignalPresenceRequest(state=online),
        ),
        (
            api.signals.ListPresence,
            signal_service_pb2.ListPresenceRequest(person_ids=people),
        ),
        (
            api.authority.ReadableContainers,
            authority_pb2.ReadableContainersRequest(tenant_id="ten_acme", person_id="ann"),
        ),
        (
            api.imports.FinishImport,
            import_service_pb2.FinishImportRequest(source="slack"),
        ),
    ]

    answers = [await called(partial(call, request, None), maximum=FEW) for call, request in ask]

    assert len(answers[1].drafts) == MAX_PAGE_SIZE
    assert len(answers[6].scheduled) == len(scheduled) + 1
    assert len(answers[10].containers) == MAX_PAGE_SIZE + 1
    assert len(api.outlet.offered) == 2
