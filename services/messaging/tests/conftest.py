"""Fixtures of messaging's tests: a store on a real mongod, a running log, people and drafts."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime

import pytest
from messaging.app import Store, conversation_log
from messaging.config import LimitsSection, LogSection
from messaging.conversations.operations.conversations import create_group
from messaging.log.domain.states import History
from messaging.log.operations.logs import Log
from messaging.messages.domain.messages import MessageContent, NewMessage, new_message
from messaging.messages.domain.policies import DEFAULT
from messaging.messages.operations.changes import ChangeRequest
from messaging.messages.operations.messages import (
    edit_message,
    label_message,
    pin_message,
    react_to_message,
    recall_message,
)
from messaging.reading.operations.cursors import Cursors
from plexus.messaging.v1 import messaging_service_pb2 as pb
from plexus_testkit.databases import database_fixtures
from plexuskit.clock import SystemClock
from plexuskit.grpc import Actor
from plexuskit.mongo import Database
from plexuskit.request_ids import Request
from plexuskit.service import Runtime

TENANT = "ten_acme"
UNLIMITED = LimitsSection(
    sender_rate=1e6, sender_burst=1_000_000, conversation_rate=1e6, conversation_burst=1_000_000
)
NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


class Everybody:
    """Directory's contract at the outer seam: ids that begin with `ghost` name no person."""

    async def unknown(
        self, *, tenant_id: str, asker_id: str, person_ids: Sequence[str]
    ) -> list[str]:
        assert tenant_id
        assert asker_id
        return [person for person in person_ids if person.startswith("ghost")]


@pytest.fixture
def people() -> Everybody:
    return Everybody()


provisioned, db = database_fixtures(lambda db: Store(db).provision())


@pytest.fixture
def store(db: Database) -> Store:
    return Store(db)


@pytest.fixture
async def log(store: Store, runtime: Runtime) -> AsyncIterator[Log]:
    log = conversation_log(store, section=LogSection(), clock=SystemClock(), limits=UNLIMITED)
    async with log.running(runtime):
        yield log


@pytest.fixture
async def cursors(store: Store, runtime: Runtime) -> AsyncIterator[Cursors]:
    cursors = Cursors(store, clock=SystemClock())
    async with runtime.background("cursors", cursors.run()):
        yield cursors


@pytest.fixture
def person() -> Callable[[str], Actor]:
    def make(name: str, *roles: str) -> Actor:
        return Actor(TENANT, name, f"ses_{name}", frozenset(roles or ("member",)))

    return make


@pytest.fixture
def group(store: Store, people: Everybody, person: Callable[[str], Actor]) -> Callable[..., object]:
    """Make a group of the named people, the first its owner; gives its id."""

    async def make(*names: str, history: History = History.SINCE_JOIN) -> str:
        work = await create_group(
            store,
            people,
            actor=person(names[0]),
            name="采购",
            topic="",
            history=history,
            member_ids=names[1:],
            now=NOW,
        )
        return (await store.transact(work)).conversation.id

    return make


@pytest.fixture
def say() -> Callable[..., NewMessage]:
    """Make a draft; the request id is the text unless given."""

    def make(conversation_id: str, sender: str, text: str, **fields: object) -> NewMessage:
        fields.setdefault("request_id", text[:100])
        return new_message(conversation_id=conversation_id, sender_id=sender, text=text, **fields)  # type: ignore[arg-type] # made of keywords

    return make


@pytest.fixture
def change(log, person):
    """Carry out a change as the API does: `await change("react", "ann", room, 1, emoji="ok")`."""
    operations = {
        "edit": (edit_message, pb.EditMessageRequest),
        "recall": (recall_message, pb.RecallMessageRequest),
        "react": (react_to_message, pb.ReactToMessageRequest),
        "pin": (pin_message, pb.PinMessageRequest),
        "label": (label_message, pb.LabelMessageRequest),
    }

    async def carry_out(kind, who, room, seq, *, through=None, request_id="", **fields):
        operation, request = operations[kind]
        me = person(*who) if isinstance(who, tuple) else person(who)
        now = fields.pop("now", None) or SystemClock().now()
        policy = fields.pop("policy", DEFAULT)
        if kind == "edit":
            text = fields.pop("text")
            fields.setdefault("content", MessageContent(text))
            fields.setdefault("expected_version", None)
        if kind in {"edit", "recall"}:
            fields["policy"] = policy
        if kind == "react":
            fields.setdefault("remove", False)
        if kind == "pin":
            fields.setdefault("unpin", False)
        if kind == "label":
            fields = {"add": (), "remove": (), **fields}
        told = request(request_id=request_id, conversation_id=room, seq=seq)
        if kind == "react":
            told.emoji, told.remove = fields["emoji"], fields["remove"]
        identified = Request.of(told, tenant_id=me.tenant_id, person_id=me.person_id)
        change_request = ChangeRequest(
            actor=me, conversation_id=room, seq=seq, request=identified, now=now
        )
        return await operation(through or log, change_request, **fields)

    return carry_out
