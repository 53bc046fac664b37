"""Calls of messaging at their largest size, on a MongoDB that takes 3 ms more for each command.

The round trips of a call are a small constant: they do not grow with the number of its items.
"""

from collections.abc import AsyncIterator
from functools import partial
from types import SimpleNamespace

import pytest
from messaging.app import SOURCES, MessagingApi, Store
from messaging.conversations.api.conversations import MAX_PEOPLE
from messaging.importing.api.importing import MAX_CONVERSATIONS, MAX_MESSAGES, ImportApi
from messaging.messages.api.authority import AuthorityApi
from messaging.messages.api.messages import MAX_SENDS
from messaging.messages.operations.forwards import MAX_FORWARDS
from messaging.reading.api.reading import MAX_ADVANCES
from messaging.reading.operations.cursors import place_cursors
from plexus.authz.v1 import authority_pb2
from plexus.messaging.v1 import conversations_pb2, import_service_pb2
from plexus.messaging.v1 import messaging_service_pb2 as pb
from plexus_testkit.companies import Company
from plexuskit.clock import SystemClock
from plexuskit.mongo import Database

from .messaging_process import Everybody, writing

Member = conversations_pb2.Member
GROUP = conversations_pb2.Conversation.KIND_GROUP
# An answer of many documents arrives in a few replies.
FEW = 16
MAX_EVENTS = 500
SOME = 40


@pytest.fixture
async def api(late_db: Database) -> AsyncIterator[SimpleNamespace]:
    """Yield the services of one process without its background tasks: each command is a call's."""
    store = Store(late_db)
    await store.provision()
    async with writing(store, clock=SystemClock()) as (log, cursors):
        yield SimpleNamespace(
            store=store,
            log=log,
            messaging=MessagingApi(log, cursors, Everybody(), decisions=Company().decisions),
            imports=ImportApi(log, Everybody(), place_cursors=partial(place_cursors, log.store)),
            authority=AuthorityApi(store, sources=SOURCES),
        )


async def begin(api, *members):
    request = pb.CreateConversationRequest(kind=GROUP, name="采购", member_ids=members)
    return (await api.messaging.CreateConversation(request, None)).conversation.id


async def begin_many(api, count):
    """Create `count` groups of ann and bob."""
    return [await begin(api, "bob") for _ in range(count)]


def forget(api):
    """Clear the cached tails, so that the next write finds none, as in a fresh process."""
    for room in list(api.log.log_states._log_states):
        api.log.log_states.forget(room)


def message(room, number, **fields):
    return pb.SendMessageRequest(
        conversation_id=room, request_id=f"r{number}", text=f"m{number}", **fields
    )


async def send_all(api, items):
    """Send messages in batches of the largest size."""
    for first in range(0, len(items), MAX_SENDS):
        part = pb.SendMessagesRequest(items=items[first : first + MAX_SENDS])
        answer = await api.messaging.SendMessages(part, None)
        assert all(verdict.HasField("stored") for verdict in answer.verdicts)


@pytest.mark.largest(
    "messaging.MessagingService", "AddMembers", "ListMembers", "RemoveMembers", "CreateConversation"
)
async def test_members_come_and_go_by_the_thousand(api, called, as_person):
    as_person("ann")
    room = await begin(api)
    people = [f"per_{number}" for number in range(MAX_PEOPLE)]

    added = await called(
        lambda: api.messaging.AddMembers(
            pb.AddMembersRequest(conversation_id=room, person_ids=people), None
        ),
        maximum=FEW,
    )
    listed = await called(
        lambda: api.messaging.ListMembers(
            pb.ListMembersRequest(conversation_id=room, page_size=1_000), None
        ),
        maximum=FEW,
    )
    removed = await called(
        lambda: api.messaging.RemoveMembers(
            pb.RemoveMembersRequest(conversation_id=room, person_ids=people), None
        ),
        maximum=FEW,
    )
    created = await called(
        lambda: api.messaging.CreateConversation(
            pb.CreateConversationRequest(
                kind=GROUP, name="all", member_ids=people, request_id="once"
            ),
            None,
        ),
        maximum=FEW,
    )

    assert len(added.added_person_ids) == len(removed.removed_person_ids) == MAX_PEOPLE
    assert len(listed.members) == 1_000
    assert created.conversation.member_count == MAX_PEOPLE + 1


@pytest.mark.largest(
    "messaging.MessagingService", "SendMessages", "AdvanceCursors", "ListConversations"
)
@pytest.mark.largest("messaging.Authority", "Recheck")
async def test_batches_over_hundreds_of_conversations(api, called, as_person):
    as_person("ann")
    rooms = await begin_many(api, MAX_ADVANCES)
    await send_all(api, [message(room, 0) for room in rooms])
    forget(api)

    sent = await called(
        lambda: api.messaging.SendMessages(
            pb.SendMessagesRequest(
                items=[message(room, 1, reply_to_seq=1, quote_seq=1) for room in rooms[:MAX_SENDS]]
            ),
            None,
        ),
        maximum=SOME,
    )
    repeated = await called(
        lambda: api.messaging.SendMessages(
            pb.SendMessagesRequest(
                items=[message(room, 1, reply_to_seq=1, quote_seq=1) for room in rooms[:MAX_SENDS]]
            ),
            None,
        ),
        maximum=SOME,
    )
    as_person("cy")
    refused = await called(
        lambda: api.messaging.SendMessages(
            pb.SendMessagesRequest(items=[message(room, 2) for room in rooms[:MAX_SENDS]]), None
        ),
        maximum=SOME,
    )
    as_person("bob")
    advanced = await called(
        lambda: api.messaging.AdvanceCursors(
            pb.AdvanceCursorsRequest(
                advances=[pb.CursorAdvance(conversation_id=room, through_seq=1) for room in rooms]
            ),
            None,
        ),
        maximum=SOME,
    )
    page = await called(
        lambda: api.messaging.ListConversations(pb.ListConversationsRequest(page_size=500), None),
        maximum=SOME,
    )
    below = await called(
        lambda: api.messaging.ListConversations(pb.ListConversationsRequest(page_size=100), None),
        maximum=SOME,
    )
    rechecked = await called(
        lambda: api.authority.Recheck(
            authority_pb2.RecheckRequest(
                tenant_id="ten_acme",
                person_id="bob",
                refs=[
                    authority_pb2.ObjectRef(kind="message", container_id=room, seq=1, id=room)
                    for room in rooms
                ],
            ),
            None,
        ),
        maximum=FEW,
        deadline=3,
    )

    assert all(verdict.HasField("stored") for verdict in sent.verdicts)
    assert all(verdict.stored.deduplicated for verdict in repeated.verdicts)
    assert all(verdict.refused.reason == "CONVERSATION_NOT_FOUND" for verdict in refused.verdicts)
    assert all(verdict.HasField("cursor") for verdict in advanced.verdicts)
    assert len({view.conversation.id for view in page.views}) == MAX_ADVANCES
    assert below.next_page_token
    assert len(rechecked.verdicts) == MAX_ADVANCES


@pytest.mark.largest(
    "messaging.MessagingService",
    "ListMessages",
    "ListChanges",
    "ListConversationEvents",
    "GetMessage",
    "GetThread",
    "FollowThread",
    "GetConversation",
    "ListMembers",
    "ListReceipts",
    "ListPins",
    "ListMessageVersions",
    "VerifyConversation",
    "ForwardMessages",
)
async def test_pages_of_one_long_conversation(api, called, as_person):
    as_person("ann")
    room = await begin(api, "bob")
    await send_all(api, [message(room, 0)])
    await send_all(
        api,
        [message(room, number, reply_to_seq=1, quote_seq=1) for number in range(1, 1_200)],
    )
    messaging = api.messaging
    for number in range(MAX_EVENTS):
        role = Member.ROLE_MEMBER if number % 2 else Member.ROLE_ADMIN
        await messaging.ChangeMemberRole(
            pb.ChangeMemberRoleRequest(conversation_id=room, person_id="bob", role=role), None
        )
    await send_all(api, [message(room, 1_200)])
    as_person("bob")
    ask = [
        (messaging.ListMessages, pb.ListMessagesRequest(page_size=500)),
        (messaging.ListMessages, pb.ListMessagesRequest(page_size=500, root_seq=1)),
        (messaging.ListChanges, pb.ListChangesRequest(page_size=1_000)),
        (
            messaging.ListConversationEvents,
            pb.ListConversationEventsRequest(
                after_seq=1_200, through_seq=1_200, page_size=MAX_EVENTS
            ),
        ),
        (messaging.GetMessage, pb.GetMessageRequest(seq=1_000)),
        (messaging.GetThread, pb.GetThreadRequest(root_seq=1)),
        (messaging.FollowThread, pb.FollowThreadRequest(root_seq=1)),
        (messaging.GetConversation, pb.GetConversationRequest()),
        (messaging.ListMembers, pb.ListMembersRequest(page_size=1_000)),
        (messaging.ListReceipts, pb.ListReceiptsRequest(seq=1, page_size=1_000)),
        (messaging.ListPins, pb.ListPinsRequest()),
        (messaging.ListMessageVersions, pb.ListMessageVersionsRequest(seq=1)),
        (messaging.VerifyConversation, pb.VerifyConversationRequest()),
        (
            messaging.ForwardMessages,
            pb.ForwardMessagesRequest(
                seqs=range(1, MAX_FORWARDS + 1), to_conversation_id=room, request_id="forward"
            ),
        ),
    ]

    answers = []
    for call, request in ask:
        request.conversation_id = room
        answers.append(await called(partial(call, request, None), maximum=SOME))

    assert len(answers[3].events) == MAX_EVENTS


@pytest.mark.largest("messaging.ImportService", "ImportConversations", "ImportMessages")
async def test_an_import_at_its_largest(api, called, as_person):
    as_person("ann", "admin")
    conversations = [
        import_service_pb2.ImportedConversation(
            external_id=f"slack:{number}", kind=GROUP, name=f"c{number}", member_ids=["ann", "bob"]
        )
        for number in range(MAX_CONVERSATIONS)
    ]
    begun = await called(
        lambda: api.imports.ImportConversations(
            import_service_pb2.ImportConversationsRequest(conversations=conversations), None
        ),
        # A conversation is a transaction of its own, so that a failed one delays no other.
        maximum=8 * MAX_CONVERSATIONS,
        deadline=60,
    )
    rooms = [each.id for each in begun.conversations]

    async def batches():
        messages = [
            import_service_pb2.ImportedMessage(
                conversation_id=rooms[number % len(rooms)],
                sender_id="ann",
                request_id=f"slack:{number}",
                text=f"m{number}",
            )
            for number in range(MAX_MESSAGES)
        ]
        for each in messages:
            each.sent_at.FromSeconds(1_700_000_000)
        yield import_service_pb2.ImportMessagesRequest(messages=messages)

    async def whole():
        return [each async for each in api.imports.ImportMessages(batches(), None)]

    (first,) = await called(whole, maximum=SOME)
    (again,) = await called(whole, maximum=SOME)

    assert (first.imported, again.skipped) == (MAX_MESSAGES, MAX_MESSAGES)
