"""`make demo`: load a company, assign a task and show everything that follows."""

import asyncio
import os
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

from plexus.directory.v1.directory_service_pb2 import (
    BatchGetPeopleRequest,
    CreatePersonRequest,
)
from plexus.directory.v1.people_pb2 import Person
from plexus.directory.v1.session_service_pb2 import (
    InitTenantRequest,
    SetPasswordRequest,
    SignInRequest,
)
from plexus.directory.v1.session_service_pb2_grpc import SessionServiceStub
from plexus.messaging.v1.messaging_service_pb2 import ListMessagesRequest
from plexus.notify.v1.notifications_pb2 import Delivery, Notification
from plexus.notify.v1.notify_service_pb2 import ListNotificationsRequest
from plexus.search.v1.search_service_pb2 import SearchRequest, SearchResponse
from plexus.tasks.v1.tasks_pb2 import Due, Task
from plexus.tasks.v1.tasks_service_pb2 import CreateTaskRequest
from plexus_cli import slack
from plexus_cli.commands.finding import highlighted
from plexus_cli.commands.importing import Imported, import_export
from plexus_cli.commands.notifications import outcomes
from plexus_cli.commands.status import gather
from plexus_cli.lookups.conversations import all_views
from plexus_cli.progress import progress
from plexus_sdk import (
    AUTHORITIES,
    CALL_SECONDS,
    CREDENTIALS,
    Plexus,
    Profile,
    Profiles,
    Refused,
    open_channel,
    open_plexus,
    refusals,
    token_fields,
)
from plexuskit.clock import SystemClock
from plexuskit.errors import Refusal
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from plexus_local.journal import recorded
from plexus_local.layout import Layout
from plexus_local.sample_company import Company, Notebook, move_in_sample

out = Console(highlight=False)

TENANT = "Plexus Demo"
INDEXED_WITHIN = 60.0
NOTIFIED_WITHIN = 30.0
PENDING = {Delivery.STATE_PENDING, Delivery.STATE_UNSPECIFIED}


def demo(layout: Layout, *, export: Path | None, samples: Path) -> int:
    """Load a company, make a change and show its effects; all processes must be running."""
    try:
        asyncio.run(_demo(layout, export=export, samples=samples))
    except Refused as refused:
        out.print(f"[red]{escape(str(refused))}[/red]", soft_wrap=True)
        return 1
    except Refusal as refusal:
        out.print(f"[red]{escape(refusal.message())}[/red]", soft_wrap=True)
        return 1
    return 0


async def _demo(layout: Layout, *, export: Path | None, samples: Path) -> None:
    addresses = recorded(layout)["addresses"]
    url = addresses["gateway (gRPC)"]
    if "certificate authority" in addresses:
        os.environ.setdefault(AUTHORITIES, addresses["certificate authority"])
    notebook, profiles = Notebook(layout), _profiles(layout)
    await _init(url, notebook, layout)
    admin = await _sign_in(url, "admin", "admin", notebook, profiles)
    async with open_plexus(admin, profiles) as plexus:
        if export:
            company = await _move_in_export(plexus, export)
        else:
            with progress() as bars:
                company = await move_in_sample(plexus, samples, notebook, bars)
        member, outsider = await _choose(plexus, company, notebook)
        await _wait_indexed(plexus)
        task = await _assign(plexus, member, notebook)
        member_profile = await _sign_in(
            url, member.handle, "member", notebook, profiles, default=True
        )
        await _sign_in(url, outsider.handle, "outsider", notebook, profiles)
        async with open_plexus(member_profile, profiles) as theirs:
            query = company.query or await _some_word(theirs)
            found = await theirs.call(
                theirs.search.Search, SearchRequest(query=query, types=["message"], page_size=1)
            )
            notification = await _notified(theirs, task)
        status = await gather(plexus)
    _show_counts(status)
    _show_hit(query, found)
    _show_notification(task, notification, addresses)
    _show_next(addresses, notebook, member, outsider, query)


def _profiles(layout: Layout) -> Profiles:
    """Return the demo's own profiles; the user's profiles stay unchanged."""
    return Profiles(None if os.environ.get(CREDENTIALS) else layout.credentials)


async def _init(url: str, notebook: Notebook, layout: Layout) -> None:
    """Create the tenant and its first administrator, unless an earlier run did."""
    request = InitTenantRequest(
        tenant_name=TENANT,
        admin_handle="admin",
        admin_password=notebook.password("admin"),
        admin_display_name="Administrator",
        time_zone="Asia/Shanghai",
        bootstrap_secret=layout.bootstrap_secret.read_text().strip(),
    )
    async with open_channel(url) as channel:
        try:
            with refusals():
                await SessionServiceStub(channel).InitTenant(request, timeout=CALL_SECONDS)
        except Refused as refused:
            if refused.reason != "TENANT_EXISTS":
                raise


async def _sign_in(
    url: str,
    handle: str,
    name: str,
    notebook: Notebook,
    profiles: Profiles,
    *,
    default: bool = False,
) -> Profile:
    request = SignInRequest(handle=handle, password=notebook.password(name), device="plexus demo")
    async with open_channel(url) as channel:
        with refusals():
            response = await SessionServiceStub(channel).SignIn(request, timeout=CALL_SECONDS)
    profile = Profile(
        name=name,
        url=url,
        person_id=response.person.id,
        handle=response.person.handle,
        **token_fields(response.tokens),  # type: ignore[arg-type] # named after the fields
    )
    profiles.save(profile, default=default)
    return profile


async def _move_in_export(plexus: Plexus, path: Path) -> Company:
    """Import a Slack export as `plexus import slack` does."""
    company = Company()
    company.people = await import_export(
        plexus, path, problems=slack.Problems(), done=Imported(), passing=company.seated
    )
    return company


async def _choose(plexus: Plexus, company: Company, notebook: Notebook) -> tuple[Person, Person]:
    """Choose the person with the most conversations and one without any; set their passwords."""
    ranked = sorted(company.people.values(), key=lambda person: (-company.seats[person], person))
    people = await _people(plexus, ranked)
    active = [
        person
        for person in (people[id_] for id_ in ranked)
        if person.state == Person.STATE_ACTIVE and person.kind == Person.KIND_HUMAN
    ]
    if not active:
        raise Refused("Nobody in this company can sign in.")
    member = active[0]
    outside = [person for person in active if not company.seats[person.id]]
    outsider = outside[-1] if outside else await _visitor(plexus)
    for name, person in (("member", member), ("outsider", outsider)):
        request = SetPasswordRequest(
            person_id=person.id,
            new_password=notebook.password(name),
            reason="a profile of the demo",
        )
        await plexus.call(plexus.sessions.SetPassword, request)
    return member, outsider


async def _people(plexus: Plexus, ids: list[str]) -> dict[str, Person]:
    found: dict[str, Person] = {}
    for start in range(0, len(ids), 500):
        request = BatchGetPeopleRequest(person_ids=ids[start : start + 500])
        response = await plexus.call(plexus.directory.BatchGetPeople, request)
        found |= {person.id: person for person in response.people}
    return found


async def _visitor(plexus: Plexus) -> Person:
    """Create a service account for a company in which every person has a conversation."""
    request = CreatePersonRequest(
        request_id="demo:outsider",
        handle="outsider",
        display_name="Outsider",
        kind=Person.KIND_SERVICE_ACCOUNT,
        roles=["member"],
        time_zone="Asia/Shanghai",
        locale="en",
    )
    try:
        return (await plexus.call(plexus.directory.CreatePerson, request)).person
    except Refused as refused:
        if refused.reason not in {"HANDLE_TAKEN", "REQUEST_ID_REUSED"}:
            raise
    found = await plexus.call(
        plexus.directory.BatchGetPeople, BatchGetPeopleRequest(handles=["outsider"])
    )
    return found.people[0]


async def _wait_indexed(plexus: Plexus) -> None:
    """Wait until search has every message, or for 60 s; the counts show a difference."""
    deadline = SystemClock().monotonic() + INDEXED_WITHIN
    with out.status("waiting for search"):
        while SystemClock().monotonic() < deadline:
            counts = (await gather(plexus))["counts"]
            if counts["indexed_messages"] == counts["messages"]:
                return
            await asyncio.sleep(0.5)


async def _assign(plexus: Plexus, member: Person, notebook: Notebook) -> Task:
    chinese = member.locale != "en"
    due = notebook.loaded_at() + timedelta(days=2)
    request = CreateTaskRequest(
        request_id="demo:task",
        title="确认本周的供应商交付计划" if chinese else "Confirm this week's delivery plan",
        assignee_ids=[member.id],
        due=Due(date=due.date().isoformat()),
    )
    return (await plexus.call(plexus.tasks.CreateTask, request)).task


async def _notified(plexus: Plexus, task: Task) -> Notification | None:
    """Wait until the member has a notification of the task and every delivery has an outcome."""
    deadline = SystemClock().monotonic() + NOTIFIED_WITHIN
    last: Notification | None = None
    while SystemClock().monotonic() < deadline:
        response = await plexus.call(
            plexus.notify.ListNotifications, ListNotificationsRequest(page_size=50)
        )
        for notification in response.notifications:
            if notification.source.id == task.id:
                last = notification
        if last and not any(delivery.state in PENDING for delivery in last.deliveries):
            return last
        await asyncio.sleep(0.3)
    return last


async def _some_word(plexus: Plexus) -> str:
    """Choose a word from the last messages that the member may read."""
    words: Counter[str] = Counter()
    for view in await all_views(plexus):
        request = ListMessagesRequest(conversation_id=view.conversation.id, page_size=200)
        response = await plexus.call(plexus.messaging.ListMessages, request)
        words.update(
            word.lower()
            for message in response.messages
            for word in message.text.split()
            if word.isalpha() and len(word) > 4  # noqa: PLR2004 - long enough to mean something
        )
    return max(words, key=lambda word: (words[word] * len(word), word), default="plexus")


def _show_counts(status: dict[str, Any]) -> None:
    table = Table(title="What is there now", title_justify="left", box=None, show_header=False)
    owners = {
        "people": "directory",
        "conversations": "messaging",
        "messages": "messaging",
        "indexed_messages": "search",
        "tasks": "tasks",
        "deliveries": "notify",
        "dead_letters": "consumers",
    }
    for name, count in status["counts"].items():
        shown = "unknown" if count is None else f"{count:,}"
        table.add_row(owners[name], name.replace("_", " "), shown)
    out.print(table)


def _show_hit(query: str, found: SearchResponse) -> None:
    title = f"Search for {query}, as member: {found.total} found"
    body = Text.from_ansi(highlighted(found.hits[0]).escaped()) if found.hits else Text("nothing")
    out.print(Panel(body, title=escape(title), title_align="left"))


def _show_notification(
    task: Task, notification: Notification | None, addresses: dict[str, str]
) -> None:
    if notification is None:
        out.print("[red]The notification has not arrived; see `make logs`.[/red]")
        return
    body = Text(f"{notification.title}\n{notification.body}\n{outcomes(notification)}\n")
    body.append(f"mails lie in {addresses['mails']}", style="dim")
    title = f"Task {task.key} was assigned; what became of the notification"
    out.print(Panel(body, title=escape(title), title_align="left"))


def _show_next(
    addresses: dict[str, str], notebook: Notebook, member: Person, outsider: Person, query: str
) -> None:
    plexus = Path(sys.executable).with_name("plexus")
    table = Table(title="Signed in", title_justify="left", box=None)
    for column in ("profile", "name", "password", ""):
        table.add_column(column)
    table.add_row("admin", "admin", notebook.password("admin"), "administrator")
    table.add_row("member", member.handle, notebook.password("member"), "the default")
    table.add_row("outsider", outsider.handle, notebook.password("outsider"), "in no conversation")
    out.print(table)
    out.print(f"\nPlexus runs at {addresses['gateway']} (native: {addresses['gateway (gRPC)']}).")
    out.print(f"Open {addresses['web client']} in a browser and sign in as {member.handle}.")
    out.print("Type next:")
    shown = plexus.relative_to(Path.cwd()) if plexus.is_relative_to(Path.cwd()) else plexus
    for line in (
        "conversations list",
        f"search {query}",
        f"--as outsider search {query}",
        "notifications list",
        "tail",
        "--as admin status --json",
    ):
        out.print(f"  {shown} {line}", markup=False)
    out.print("`make down` stops it, `make up` starts it again, `make clean` forgets it.")
