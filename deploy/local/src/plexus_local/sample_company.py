"""Loader of the sample company, for `make demo` and the pictures of the web client."""

import json
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from plexus.directory.v1.session_service_pb2 import SignInRequest
from plexus.directory.v1.session_service_pb2_grpc import SessionServiceStub
from plexus.messaging.v1.import_service_pb2 import ImportConversationsRequest
from plexus_cli import sample
from plexus_cli.commands.importing import (
    Imported,
    import_conversations,
    import_messages,
    import_people,
)
from plexus_sdk import (
    CALL_SECONDS,
    Plexus,
    Profile,
    Profiles,
    open_channel,
    refusals,
    token_fields,
)
from plexuskit.clock import SystemClock

from plexus_local.layout import Layout, read_json, write_whole

SAMPLE_QUERY = "报销"


@dataclass(slots=True)
class Company:
    """The loaded company: people by external id, and the number of conversations of each."""

    people: dict[str, str] = field(default_factory=dict)
    seats: Counter[str] = field(default_factory=Counter)
    query: str = ""

    def seated(
        self, requests: Iterable[ImportConversationsRequest]
    ) -> Iterator[ImportConversationsRequest]:
        """Count the conversations of each member while yielding the requests."""
        for request in requests:
            for conversation in request.conversations:
                self.seats.update(conversation.member_ids)
            yield request


class Notebook:
    """Stored passwords and the time of the first load, so that a second demo changes no data."""

    def __init__(self, layout: Layout) -> None:
        self._path = layout.secrets / "demo.json"
        self._content: dict[str, Any] = read_json(self._path)

    def password(self, name: str) -> str:
        """Return the password of a profile; create it on first use."""
        return self._keep(f"password:{name}", secrets.token_urlsafe(9))

    def loaded_at(self) -> datetime:
        """Return the time that the sample's dates are relative to."""
        now = SystemClock().now().isoformat()
        return datetime.fromisoformat(self._keep("loaded_at", now))

    def _keep(self, key: str, value: str) -> str:
        if key not in self._content:
            self._content[key] = value
            write_whole(self._path, json.dumps(self._content, indent=1), mode=0o600)
        return str(self._content[key])


async def move_in_sample(plexus: Plexus, folder: Path, notebook: Notebook, bars: Any) -> Company:
    """Load the sample company."""
    company, done = Company(query=SAMPLE_QUERY), Imported()
    now = notebook.loaded_at()
    whole = sample.load_sample(folder)
    departments: dict[str, str] = {}
    for request in sample.department_requests(whole, department=departments.get):
        made = await plexus.call(plexus.directory.CreateDepartment, request)
        departments[request.external_id] = made.department.id
    password = notebook.password("everybody")
    people = sample.people_requests(whole, department=departments.get, password=password)
    company.people = await import_people(plexus, people, done=done)
    requests = sample.conversation_requests(whole, person=company.people.get, now=now)
    conversations = await import_conversations(plexus, company.seated(requests), done=done)
    bar = bars.add_task("messages", total=None)
    # Conversations that have changed since the import stay as they are.
    followed = tuple(each for each in whole.conversations if each.external_id in conversations)
    batches = sample.message_requests(
        replace(whole, conversations=followed),
        person=company.people.get,
        conversation=conversations.get,
        now=now,
    )
    await import_messages(
        plexus, batches, done=done, advance=lambda count: bars.update(bar, advance=count)
    )
    await _load_tasks(plexus, whole, company, password, now=now)
    return company


async def _load_tasks(
    plexus: Plexus, whole: sample.Sample, company: Company, password: str, *, now: datetime
) -> None:
    """Create the sample's projects and tasks, each as its owner."""
    url, projects = plexus.profile.url, dict[str, str]()
    for act in sample.project_requests(whole, person=company.people.get):
        async with _as(url, act.actor, password) as theirs:
            made = await theirs.call(theirs.tasks.CreateProject, act.request)
            projects[act.key] = made.project.id
    acts: dict[str, list[sample.TaskAct]] = {}
    for task in sample.task_requests(
        whole, person=company.people.get, project=projects.get, now=now
    ):
        acts.setdefault(task.actor, []).append(task)
    for actor, todo in acts.items():
        async with _as(url, actor, password) as theirs:
            for task in todo:
                created = await theirs.call(theirs.tasks.CreateTask, task.request)
                for move in task.moves(created.task.id):
                    await theirs.call(theirs.tasks.MoveTask, move)


@asynccontextmanager
async def _as(url: str, handle: str, password: str) -> AsyncIterator[Plexus]:
    """Open a short session of a person of the sample, without storing a profile."""
    async with open_channel(url) as channel:
        request = SignInRequest(handle=handle, password=password, device="demo loader")
        with refusals():
            response = await SessionServiceStub(channel).SignIn(request, timeout=CALL_SECONDS)
        profile = Profile(
            name=handle,
            url=url,
            person_id=response.person.id,
            handle=handle,
            **token_fields(response.tokens),  # type: ignore[arg-type] # named after the fields
        )
        yield Plexus(channel, profile, Profiles())
