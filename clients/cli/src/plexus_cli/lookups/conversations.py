"""Conversations of the caller, by id, name or person."""

from plexus.messaging.v1.conversations_pb2 import ConversationView
from plexus_sdk import Conversations, People, Plexus, Refused

from plexus_cli.context import find_people, name_people
from plexus_cli.language import tr


def title_of(view: ConversationView, names: dict[str, str]) -> str:
    """Return the title of a conversation: its name, or the other member's handle."""
    return view.conversation.name or f"@{names.get(view.peer_id, view.peer_id)}"


async def all_views(plexus: Plexus) -> list[ConversationView]:
    """Return every conversation of the caller, most recently active first."""
    conversations = Conversations(plexus, people=People(plexus))
    return [view async for view in conversations.all()]


async def resolve(plexus: Plexus, conversation: str) -> str:
    """Return the id of a conversation given by id, by its group name, or by `@person`.

    Raises:
        Refused: no conversation has that name, or several have it.
    """
    if conversation.startswith("cnv_"):
        return conversation
    views = await all_views(plexus)
    if conversation.startswith("@"):
        peer = (await find_people(plexus, [conversation]))[conversation].id
        matching = [view for view in views if view.peer_id == peer]
    else:
        matching = [view for view in views if view.conversation.name == conversation]
    if len(matching) != 1:
        raise Refused(_problem(conversation, matching), reason="CONVERSATION_NOT_FOUND")
    return matching[0].conversation.id


def _problem(name: str, matching: list[ConversationView]) -> str:
    if matching:
        ids = ", ".join(view.conversation.id for view in matching)
        return tr("{name} is the name of {ids}: give one of the ids.", name=name, ids=ids)
    if name.startswith("@"):
        return tr(
            "You have no conversation with {name} yet: "
            "`plexus conversations create - {handle}` opens one.",
            name=name,
            handle=name.removeprefix("@"),
        )
    return tr(
        "You are in no conversation called {name}: see `plexus conversations list`.", name=name
    )


async def titles(plexus: Plexus) -> dict[str, str]:
    """Return the titles of the caller's conversations by id."""
    views = await all_views(plexus)
    names = await name_people(plexus, {view.peer_id for view in views} - {""})
    return {view.conversation.id: title_of(view, names) for view in views}
