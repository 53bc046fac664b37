"""Import of a company's history."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from plexus.directory.v1.directory_service_pb2 import (
    ImportedPerson,
    ImportPeopleRequest,
    ImportPeopleResponse,
)
from plexus.messaging.v1.import_service_pb2 import (
    FinishImportRequest,
    FinishImportResponse,
    ImportConversationsRequest,
    ImportConversationsResponse,
    ImportedConversation,
    ImportMessagesRequest,
    ImportMessagesResponse,
)
from plexus_sdk import Plexus, Refused, refusals, responses
from plexuskit.clock import SystemClock
from plexuskit.errors import Refusal

from plexus_cli import slack
from plexus_cli.commands.import_batches import (
    OnRefusal,
    Sending,
    reduced_conversation,
    reduced_person,
)
from plexus_cli.context import run
from plexus_cli.language import counted, tr
from plexus_cli.options import Argument, Group, Json, Option
from plexus_cli.output import print_json, say, warn
from plexus_cli.progress import progress

app = Group(help="Import history from another system.")

BATCHES_IN_FLIGHT = 4
IMPORT_SECONDS = 120.0


@dataclass(slots=True)
class Imported:
    """Counts of one import."""

    people: int = 0
    people_created: int = 0
    conversations: int = 0
    conversations_created: int = 0
    conversations_changed: int = 0
    conversations_closed: int = 0
    messages: int = 0
    changed: int = 0
    skipped: int = 0
    kept: int = 0
    refused: int = 0
    oddities: dict[str, int] = field(default_factory=dict)
    refusals: list[dict[str, str]] = field(default_factory=list)


@app.command("slack")
def slack_export(
    export: Annotated[Path, Argument(help="The export: a .zip, or its folder.", exists=True)],
    strict: Annotated[bool, Option(help="Stop at the first problem.")] = False,
    json: Json = False,
) -> None:
    """Import a Slack export; a later export brings what has changed since.

    Unreadable parts are skipped with a warning that names the place. Conversations follow later
    exports until a member writes in them or `plexus import finish slack` is run; direct ones only
    receive new messages.
    """
    problems = slack.Problems(strict=strict)
    done = Imported()
    try:
        run(lambda plexus: import_export(plexus, export, problems=problems, done=done))
    except Refusal as refusal:
        raise Refused(refusal.message(), reason=refusal.reason) from refusal
    finally:
        done.oddities = {str(kind): count for kind, count in problems.counts.items()}
        report(done, problems, json=json)
    if done.refused:
        raise Refused(
            counted(
                done.refused,
                "{n} message was refused; see above.",
                "{n} messages were refused; see above.",
            )
        )


@app.command()
def finish(
    source: Annotated[str, Argument(help="The other system, for example `slack`.")],
    json: Json = False,
) -> None:
    """End the import of a system: its conversations no longer follow its export."""

    async def work(plexus: Plexus) -> FinishImportResponse:
        return await plexus.call(plexus.imports.FinishImport, FinishImportRequest(source=source))

    response = run(work)
    if json:
        print_json({"closed": response.closed})
        return
    say(
        counted(
            response.closed,
            "{n} conversation followed the export of {source}, and no longer does.",
            "{n} conversations followed the export of {source}, and no longer do.",
            source=source,
        )
    )


def report(done: Imported, problems: slack.Problems, *, json: bool) -> None:
    """Print the counts of an import and the irregularities that it worked around."""
    for oddity in problems.examples:
        warn(tr("warning: {oddity}", oddity=oddity))
    for refusal in done.refusals:
        warn(
            tr(
                "refused: {id}: {message}",
                id=refusal["request_id"],
                message=refusal["message"],
            )
        )
    if json:
        print_json({name: getattr(done, name) for name in Imported.__dataclass_fields__})
        return
    say(
        tr(
            "{people} ({people_created} new), {conversations} ({conversations_created} new), "
            "{messages} imported, {skipped} were there already.",
            people=counted(done.people, "{n} person", "{n} people"),
            people_created=done.people_created,
            conversations=_conversations(done.conversations),
            conversations_created=done.conversations_created,
            messages=_messages(done.messages),
            skipped=done.skipped,
        )
    )
    if done.conversations_changed or done.changed:
        say(
            tr(
                "Changed as the export has them now: {conversations}, {messages}.",
                conversations=_conversations(done.conversations_changed),
                messages=_messages(done.changed),
            )
        )
    if done.kept:
        say(
            counted(
                done.kept,
                "{n} changed message of direct conversations stays as it was.",
                "{n} changed messages of direct conversations stay as they were.",
            )
        )
    if done.conversations_closed:
        say(
            counted(
                done.conversations_closed,
                "{n} conversation was left alone: it is in use, or its import is finished.",
                "{n} conversations were left alone: they are in use, or their import is finished.",
            )
        )


def _conversations(number: int) -> str:
    return counted(number, "{n} conversation", "{n} conversations")


def _messages(number: int) -> str:
    return counted(number, "{n} message", "{n} messages")


async def import_export(
    plexus: Plexus,
    path: Path,
    *,
    problems: slack.Problems,
    done: Imported,
    passing: Callable[
        [Iterable[ImportConversationsRequest]], Iterable[ImportConversationsRequest]
    ] = iter,
) -> dict[str, str]:
    """Import people, then conversations, then messages, with a progress bar.

    Args:
        plexus: an administrator's connection.
        path: the export, zip or folder.
        problems: collects irregularities of the export.
        done: counts the imported objects, also when the import ends early.
        passing: wraps the iterator of conversation requests.

    Returns:
        The ids of the people by external id.

    Raises:
        Refusal: the export is broken at a named place; everything before it is imported.
        Refused: the gateway refused.
    """
    now = SystemClock().now()
    with slack.open_export(path) as export, progress() as bars:
        workspace = slack.survey(export, now=now, problems=problems)
        people = await import_people(
            plexus,
            slack.people_requests(list(workspace.people.values())),
            done=done,
            on_refusal=_noting(problems, slack.OddityKind.PERSON_REFUSED, slack.USERS),
        )
        requests = slack.conversation_requests(
            workspace.channels,
            workspace.people,
            person=people.get,
            names=slack.names_of(workspace, person=people.get),
            problems=problems,
        )
        conversations = await import_conversations(
            plexus,
            passing(requests),
            done=done,
            on_refusal=_noting(
                problems, slack.OddityKind.CONVERSATION_REFUSED, slack.ChannelKind.PUBLIC.value
            ),
        )
        bar = bars.add_task(
            "messages", total=sum(days.messages for days in workspace.days.values())
        )
        batches = (
            batch
            for channel in workspace.channels
            if channel.external_id in conversations
            for batch in slack.message_requests(
                channel,
                workspace=workspace,
                export=export,
                person=people.get,
                conversation=conversations.get,
                now=now,
                problems=problems,
            )
        )
        await import_messages(
            plexus, batches, done=done, advance=lambda count: bars.update(bar, advance=count)
        )
    return people


def _noting(problems: slack.Problems, kind: slack.OddityKind, file: str) -> OnRefusal:
    """Return a callback that records a refused person or conversation. Refused when strict."""

    def note(external_id: str, why: str) -> None:
        problems.note(kind, file=file, detail=f"{external_id}: {why}")

    return note


async def import_people(
    plexus: Plexus,
    requests: Iterable[ImportPeopleRequest],
    *,
    done: Imported,
    on_refusal: OnRefusal | None = None,
) -> dict[str, str]:
    """Import people; return their ids by external id.

    With `on_refusal`, a refused person is imported without optional fields, or left out.
    """

    async def call(people: Sequence[ImportedPerson]) -> ImportPeopleResponse:
        request = ImportPeopleRequest(people=people)
        return await plexus.call(plexus.directory.ImportPeople, request, seconds=IMPORT_SECONDS)

    sending = Sending(call=call, reduced=reduced_person, on_refusal=on_refusal)
    ids: dict[str, str] = {}
    for request in requests:
        for people, response in await sending.send(list(request.people)):
            ids |= {
                foreign.external_id: person.id
                for foreign, person in zip(people, response.people, strict=True)
            }
            done.people += len(people)
            done.people_created += response.created
    return ids


async def import_conversations(
    plexus: Plexus,
    requests: Iterable[ImportConversationsRequest],
    *,
    done: Imported,
    on_refusal: OnRefusal | None = None,
) -> dict[str, str]:
    """Import conversations; return the ids of those that follow the export, by external id.

    With `on_refusal`, a refused one is imported without name and topic, or left out.
    """

    async def call(items: Sequence[ImportedConversation]) -> ImportConversationsResponse:
        request = ImportConversationsRequest(conversations=items)
        return await plexus.call(
            plexus.imports.ImportConversations, request, seconds=IMPORT_SECONDS
        )

    sending = Sending(call=call, reduced=reduced_conversation, on_refusal=on_refusal)
    ids: dict[str, str] = {}
    for request in requests:
        for items, response in await sending.send(list(request.conversations)):
            answered = zip(items, response.conversations, response.closed, strict=True)
            ids |= {
                foreign.external_id: conversation.id
                for foreign, conversation, closed in answered
                if not closed
            }
            done.conversations += len(items)
            done.conversations_closed += sum(response.closed)
            done.conversations_created += response.created
            done.conversations_changed += response.changed
    return ids


async def import_messages(
    plexus: Plexus,
    batches: Iterable[ImportMessagesRequest],
    *,
    done: Imported,
    advance: Callable[[int], object],
) -> None:
    """Stream batches to Plexus and read their outcomes, with a few batches in flight.

    If the export is broken at some point, the messages before it are imported first.

    Raises:
        Refusal: raised by the reader of the export.
        Refused: the gateway refused.
    """
    room = asyncio.Semaphore(BATCHES_IN_FLIGHT)
    sizes: list[int] = []
    broken: list[Refusal] = []

    async def requests() -> AsyncIterator[ImportMessagesRequest]:
        try:
            for batch in batches:
                await room.acquire()
                sizes.append(len(batch.messages))
                yield batch
        except Refusal as refusal:
            broken.append(refusal)

    metadata = await plexus.metadata()
    with refusals():
        outcomes = plexus.imports.ImportMessages(requests(), metadata=metadata)
        received = 0
        async for outcome in responses(outcomes):
            room.release()
            _count(done, outcome)
            advance(sizes[received])
            received += 1
    if broken:
        raise broken[0]


def _count(done: Imported, outcome: ImportMessagesResponse) -> None:
    done.messages += outcome.imported
    done.skipped += outcome.skipped
    done.changed += outcome.changed
    done.kept += outcome.kept
    done.refused += len(outcome.refusals)
    for refusal in outcome.refusals:
        done.refusals.append(
            {"request_id": refusal.request_id, "reason": refusal.reason, "message": refusal.message}
        )
