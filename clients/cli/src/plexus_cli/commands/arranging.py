"""Personal arrangement of conversations: mute, star, folder, unread mark."""

from datetime import UTC, datetime
from typing import Annotated, Any

from plexus.messaging.v1.conversations_pb2 import ConversationSettings
from plexus.messaging.v1.personal_service_pb2 import UpdateConversationSettingsRequest
from plexus_sdk import Plexus
from plexuskit.timestamps import timestamp

from plexus_cli import moments
from plexus_cli.context import run
from plexus_cli.language import tr
from plexus_cli.lookups.conversations import resolve
from plexus_cli.options import Argument, Json, Option, Where
from plexus_cli.output import as_dict, print_json, say

FOR_EVER = datetime(9999, 12, 31, tzinfo=UTC)
OVER = datetime(1970, 1, 1, tzinfo=UTC)


def mute(
    conversation: Where,
    until: Annotated[str | None, Option(help=f"{moments.HELP} For ever by default.")] = None,
    json: Json = False,
) -> None:
    """Mute a conversation, except for urgent messages and mentions of you."""

    async def work(plexus: Plexus) -> tuple[ConversationSettings, str]:
        at, shown = FOR_EVER, tr("Muted until you unmute it.")
        if until is not None:
            at = moments.future(until, day_is="end")
            shown = tr("Muted until {at}.", at=moments.shown(at))
        return await _set(plexus, conversation, muted_until=timestamp(at)), shown

    settings, shown = run(work, in_zone=until is not None)
    _print(settings, shown, json=json)


def unmute(conversation: Where, json: Json = False) -> None:
    """Unmute a conversation."""
    settings = _change(conversation, muted_until=timestamp(OVER))
    _print(settings, tr("Not muted."), json=json)


def star(conversation: Where, json: Json = False) -> None:
    """Star a conversation."""
    _print(_change(conversation, starred=True), tr("Starred."), json=json)


def unstar(conversation: Where, json: Json = False) -> None:
    """Remove the star of a conversation."""
    _print(_change(conversation, starred=False), tr("Not starred."), json=json)


def folder(
    conversation: Where,
    name: Annotated[
        str, Argument(help="Name of the folder; none moves it out of its folder.")
    ] = "",
    json: Json = False,
) -> None:
    """Move a conversation into one of your folders."""
    settings = _change(conversation, folder=name)
    said = (
        tr("In the folder {name}.", name=settings.folder)
        if settings.folder
        else tr("In no folder.")
    )
    _print(settings, said, json=json)


def mark_unread(conversation: Where, json: Json = False) -> None:
    """Mark a conversation as unread; receipts do not change."""
    _print(_change(conversation, marked_unread=True), tr("Marked as unread."), json=json)


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
