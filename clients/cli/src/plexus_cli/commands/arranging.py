"""How you arrange conversations for yourself: the rest of `plexus conversations`."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from plexus.messaging.v1.conversations_pb2 import ConversationSettings
from plexus.messaging.v1.personal_service_pb2 import UpdateConversationSettingsRequest
from plexus_sdk import Plexus
from plexuskit.clock import SystemClock
from plexuskit.timestamps import timestamp

from plexus_cli import moments
from plexus_cli.commands.conversations import Json, Where, app, resolve
from plexus_cli.context import me, run
from plexus_cli.output import as_dict, print_json, say

__all__ = ["app"]

FOR_EVER = datetime(9999, 12, 31, tzinfo=UTC)
OVER = datetime(1970, 1, 1, tzinfo=UTC)


@app.command()
def mute(
    conversation: Where,
    until: Annotated[str | None, typer.Option(help=f"{moments.HELP} For ever by default.")] = None,
    json: Json = False,
) -> None:
    """Hear nothing of a conversation, but of what is urgent or names you."""

    async def work(plexus: Plexus) -> tuple[ConversationSettings, str]:
        at, shown = FOR_EVER, "you unmute it"
        if until is not None:
            zone = moments.zone_of((await me(plexus)).time_zone)
            at = moments.parse(until, zone=zone, now=SystemClock().now())
            shown = moments.shown(at, zone=zone)
        return await _set(plexus, conversation, muted_until=timestamp(at)), shown

    settings, shown = run(work)
    _print(settings, f"Muted until {shown}.", json=json)


@app.command()
def unmute(conversation: Where, json: Json = False) -> None:
    """Hear of a conversation again."""
    settings = _change(conversation, muted_until=timestamp(OVER))
    _print(settings, "Not muted.", json=json)


@app.command()
def star(conversation: Where, json: Json = False) -> None:
    """Keep a conversation at the top of your list."""
    _print(_change(conversation, starred=True), "Starred.", json=json)


@app.command()
def unstar(conversation: Where, json: Json = False) -> None:
    """Let a conversation stand where it belongs in your list."""
    _print(_change(conversation, starred=False), "Not starred.", json=json)


@app.command()
def folder(
    conversation: Where,
    name: Annotated[str, typer.Argument(help="Of the folder; none takes it out.")] = "",
    json: Json = False,
) -> None:
    """Put a conversation into a folder of yours."""
    settings = _change(conversation, folder=name)
    said = f"In the folder {settings.folder}." if settings.folder else "In no folder."
    _print(settings, said, json=json)


@app.command("mark-unread")
def mark_unread(conversation: Where, json: Json = False) -> None:
    """Mark a conversation to come back to it; nobody's receipt changes."""
    _print(_change(conversation, marked_unread=True), "Marked as unread.", json=json)


def _change(conversation: str, **fields: Any) -> ConversationSettings:
    async def work(plexus: Plexus) -> ConversationSettings:
        return await _set(plexus, conversation, **fields)

    return run(work)


async def _set(plexus: Plexus, conversation: str, **fields: Any) -> ConversationSettings:
    request = UpdateConversationSettingsRequest(
        conversation_id=await resolve(plexus, conversation), **fields
    )
    return (await plexus.call(plexus.personal.UpdateConversationSettings, request)).settings


def _print(settings: ConversationSettings, said: str, *, json: bool) -> None:
    if json:
        print_json(as_dict(settings))
    else:
        say(said)
