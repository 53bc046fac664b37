"""A working day of the sample company, after the events of `samples/company`."""

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from google.protobuf.timestamp_pb2 import Timestamp
from plexus.messaging.v1.conversations_pb2 import Conversation
from plexus.messaging.v1.messages_pb2 import Format, Mention, Span
from plexus.messaging.v1.messaging_service_pb2 import (
    AdvanceCursorsRequest,
    CreateConversationRequest,
    CursorAdvance,
    ListConversationsRequest,
    ReactToMessageRequest,
    SendMessageRequest,
)
from plexus.messaging.v1.personal_service_pb2 import (
    SaveDraftRequest,
    UpdateConversationSettingsRequest,
)
from plexus.search.v1.search_service_pb2 import SearchRequest
from plexus.tasks.v1.tasks_pb2 import Due
from plexus.tasks.v1.tasks_service_pb2 import CreateTaskRequest, ListProjectsRequest
from plexus_cli.progress import progress
from plexus_local.sample_company import Company, Notebook, move_in_sample
from plexus_testkit.harness import Platform
from plexus_testkit.wait import eventually
from plexuskit.clock import SystemClock

DAY = Path(__file__).with_name("day.yaml")
SETTLED_SECONDS = 90


@dataclass
class Inhabited:
    """The company after its working day: people, and conversations and projects by name."""

    platform: Platform
    company: Company
    password: str
    stack: AsyncExitStack
    conversations: dict[str, str] = field(default_factory=dict)
    projects: dict[str, str] = field(default_factory=dict)
    seqs: dict[str, int] = field(default_factory=dict)
    _connections: dict[str, Any] = field(default_factory=dict)

    def person(self, handle: str) -> str:
        """Return the id of a person."""
        return self.company.people[f"sample:{handle}"]

    async def as_(self, handle: str) -> Any:
        """Return the connection of a person, opened on first use."""
        if handle not in self._connections:
            connecting = self.platform.signed_in(handle, self.password)
            self._connections[handle] = await self.stack.enter_async_context(connecting)
        return self._connections[handle]


@asynccontextmanager
async def move_in(platform: Platform, samples: Path) -> AsyncIterator[Inhabited]:
    """Load the sample company and play the day of `day.yaml`."""
    notebook = Notebook(platform.layout)
    async with platform.admin() as plexus:
        with progress() as bars:
            company = await move_in_sample(plexus, samples, notebook, bars)
    day = yaml.safe_load(DAY.read_text(encoding="utf-8"))
    async with AsyncExitStack() as stack:
        inhabited = Inhabited(platform, company, notebook.password("everybody"), stack)
        await _live(inhabited, day)
        yield inhabited


async def _live(inhabited: Inhabited, day: dict[str, Any]) -> None:
    for reader in day["readers"]:
        await _read(inhabited, reader)
    for conversation in day["conversations"]:
        await _talk(inhabited, conversation)
    for task in day["tasks"]:
        await _assign(inhabited, task)
    for reader in day["readers"]:
        await _arrange(inhabited, reader)
    await _wait_until_found(inhabited, day["found"])


async def _read(inhabited: Inhabited, reader: dict[str, Any]) -> None:
    """Collect the conversations and projects of a reader, who has read everything so far."""
    plexus = await inhabited.as_(reader["by"])
    request = ListConversationsRequest(page_size=100)
    views = (await plexus.call(plexus.messaging.ListConversations, request)).views
    inhabited.conversations |= {view.conversation.name: view.conversation.id for view in views}
    advances = [
        CursorAdvance(conversation_id=view.conversation.id, through_seq=view.conversation.last_seq)
        for view in views
        if view.conversation.last_seq
    ]
    await plexus.call(plexus.messaging.AdvanceCursors, AdvanceCursorsRequest(advances=advances))
    listed = await plexus.call(plexus.tasks.ListProjects, ListProjectsRequest(page_size=100))
    inhabited.projects |= {project.name: project.id for project in listed.projects}


async def _talk(inhabited: Inhabited, conversation: dict[str, Any]) -> None:
    """Send the messages of one conversation, each as its sender, then the reactions."""
    if "between" in conversation:
        conversation_id = await _direct(inhabited, conversation["between"])
    else:
        conversation_id = inhabited.conversations[conversation["name"]]
    for message in conversation["messages"]:
        sent = _message(inhabited, conversation_id, message)
        plexus = await inhabited.as_(message["by"])
        seq = (await plexus.call(plexus.messaging.SendMessage, sent)).seq
        if "id" in message:
            inhabited.seqs[message["id"]] = seq
        for emoji, handles in message.get("reactions", {}).items():
            for handle in handles:
                request = ReactToMessageRequest(
                    request_id=secrets.token_hex(8),
                    conversation_id=conversation_id,
                    seq=seq,
                    emoji=emoji,
                )
                plexus = await inhabited.as_(handle)
                await plexus.call(plexus.messaging.ReactToMessage, request)


async def _direct(inhabited: Inhabited, handles: list[str]) -> str:
    """Return the direct conversation of two people; create it if there is none."""
    first, second = handles
    plexus = await inhabited.as_(first)
    request = CreateConversationRequest(
        request_id=secrets.token_hex(8),
        kind=Conversation.KIND_DIRECT,
        member_ids=[inhabited.person(second)],
    )
    made = await plexus.call(plexus.messaging.CreateConversation, request)
    return str(made.conversation.id)


def _message(
    inhabited: Inhabited, conversation_id: str, message: dict[str, Any]
) -> SendMessageRequest:
    """Return the request of a message; its mention is a name in the text and the handle."""
    sent = SendMessageRequest(
        conversation_id=conversation_id,
        request_id=secrets.token_hex(8),
        text=message["text"],
        reply_to_seq=inhabited.seqs[message["reply_to"]] if "reply_to" in message else 0,
    )
    if "mentions" not in message:
        sent.format = Format.FORMAT_MARKDOWN
        return sent
    name, handle = message["mentions"]
    person_id = inhabited.person(handle)
    sent.spans.append(
        Span(
            start=message["text"].index(f"@{name}"),
            length=len(name) + 1,
            mention_person_id=person_id,
        )
    )
    sent.mentions.append(Mention(person_id=person_id))
    return sent


async def _assign(inhabited: Inhabited, task: dict[str, Any]) -> None:
    plexus = await inhabited.as_(task["by"])
    due = SystemClock().now().date()
    request = CreateTaskRequest(
        request_id=secrets.token_hex(8),
        title=task["title"],
        assignee_ids=[inhabited.person(task["to"])],
        due=Due(date=due.isoformat()),
    )
    await plexus.call(plexus.tasks.CreateTask, request)


async def _arrange(inhabited: Inhabited, reader: dict[str, Any]) -> None:
    """Star a conversation and leave a draft in another."""
    now = Timestamp()
    now.FromDatetime(SystemClock().now())
    plexus = await inhabited.as_(reader["by"])
    star = UpdateConversationSettingsRequest(
        conversation_id=inhabited.conversations[reader["star"]], starred=True
    )
    await plexus.call(plexus.personal.UpdateConversationSettings, star)
    draft = SaveDraftRequest(
        conversation_id=inhabited.conversations[reader["draft"]["in"]],
        text=reader["draft"]["text"],
        written_at=now,
    )
    await plexus.call(plexus.personal.SaveDraft, draft)


async def _wait_until_found(inhabited: Inhabited, found: dict[str, Any]) -> None:
    """Wait until search has the last message of the day."""
    plexus = await inhabited.as_(found["by"])

    async def is_found() -> bool:
        request = SearchRequest(query=found["query"], page_size=1)
        return (await plexus.call(plexus.search.Search, request)).total > 0

    await eventually(is_found, within=SETTLED_SECONDS, every=0.5)
