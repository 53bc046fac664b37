"""Mentions, typed in a text or named by an option."""

from collections.abc import Iterable, Sequence
from typing import Annotated

from plexus_sdk import Mentions, NameNotFound, People, Plexus, TypedMentions
from plexus_sdk.mentions import joined

from plexus_cli.context import name_people, unknown_people
from plexus_cli.language import counted, tr
from plexus_cli.options import Option
from plexus_cli.output import caution, mention_aside

Mentioned = Annotated[
    list[str] | None,
    Option(help="Person or department by name, or `all`; `@name` in the text does the same."),
]
Plain = Annotated[bool, Option("--no-mentions", help="Leave `@names` in the text as plain text.")]


async def mentions_of(
    plexus: Plexus,
    text: str,
    names: Iterable[str] | None,
    *,
    conversation_id: str,
    markdown: bool = False,
    plain: bool = False,
) -> TypedMentions:
    """Return the mentions of a text and those that are named beside it.

    Says on standard error which `@words` match no person.

    Raises:
        Refused: a name beside the text matches no person, or one fits several.
    """
    resolver = Mentions(plexus, people=People(plexus))
    try:
        named = await resolver.named(names or (), conversation_id=conversation_id)
    except NameNotFound as refused:
        raise unknown_people(refused) from refused
    if plain:
        return TypedMentions(tuple(named))
    typed = await resolver.typed(text, conversation_id=conversation_id, markdown=markdown)
    if typed.unknown:
        words = ", ".join(typed.unknown)
        mention_aside(tr("Nobody is called {words}: it stays plain text.", words=words))
    return TypedMentions(tuple(joined(named, typed.mentions)), typed.spans, typed.unknown)


async def warn_of_absent(plexus: Plexus, person_ids: Sequence[str]) -> None:
    """Print on standard error who was mentioned and is no member (MSG-13)."""
    if not person_ids:
        return
    handles = await name_people(plexus, set(person_ids))
    people = ", ".join(f"@{handles[each]}" for each in person_ids)
    caution(
        counted(
            len(person_ids),
            "{people} is not in this conversation and is not notified: "
            "`plexus conversations add` brings people in.",
            "{people} are not in this conversation and are not notified: "
            "`plexus conversations add` brings people in.",
            people=people,
        )
    )
