"""Subjects and scopes of role bindings, in the notation of users and of the contract."""

import re
from collections.abc import Callable, Iterable
from typing import Final

from plexus_sdk import Plexus, Refused

from plexus_cli.context import find_people, name_people
from plexus_cli.language import tr
from plexus_cli.lookups import departments, groups

MEMBERS: Final = "#member"
_REFERENCE: Final = re.compile(
    r"(?P<kind>(?:person|department|group|tenant):)?(?P<id>[a-z]{3}_\w{26})"
)
SUBJECT_HELP: Final = (
    "A person by handle or id, `group:NAME` or `department:NAME` for everybody who belongs."
)
SCOPE_HELP: Final = (
    "`department:NAME`, `group:NAME`, `conversation:ID` or `project:ID`; the whole tenant without."
)


async def subject_of(plexus: Plexus, written: str) -> str:
    """Convert the subject of a role binding to the notation of the contract.

    Raises:
        Refused: no subject has that name.
    """
    kind, colon, name = written.removesuffix(MEMBERS).partition(":")
    if colon and kind == "group":
        return f"group:{(await groups.find(plexus, name)).id}{MEMBERS}"
    if colon and kind == "department":
        return f"department:{(await departments.find(plexus, name)).id}{MEMBERS}"
    handle = written.removeprefix("person:")
    return f"person:{(await find_people(plexus, [handle]))[handle].id}"


async def scope_of(plexus: Plexus, written: str) -> str:
    """Convert the scope of a role binding to the contract's notation, "" for the tenant.

    Raises:
        Refused: no object has that name, or it is not a scope.
    """
    if not written:
        return ""
    kind, colon, name = written.partition(":")
    if colon and kind == "group":
        return f"group:{(await groups.find(plexus, name)).id}"
    if colon and kind == "department":
        return f"department:{(await departments.find(plexus, name)).id}"
    if not colon or kind not in {"tenant", "conversation", "project"}:
        raise Refused(tr("{scope} is not a scope. Give {help}", scope=written, help=tr(SCOPE_HELP)))
    return written


async def shown(plexus: Plexus, written: Iterable[str]) -> dict[str, str]:
    """Return subjects and scopes as shown to users: with handles and names where they exist."""
    every = set(written)
    plain = {each: each.removesuffix(MEMBERS).partition(":") for each in every}
    people = await name_people(plexus, {id_ for kind, _, id_ in plain.values() if kind == "person"})
    names = {f"person:{id_}": handle for id_, handle in people.items()}
    kinds = {kind for kind, _, _ in plain.values()}
    if "department" in kinds:
        found = await departments.all_departments(plexus, closed=True)
        names |= {f"department:{each.id}": f"department:{each.name}" for each in found}
    if "group" in kinds:
        names |= {
            f"group:{each.id}": f"group:{each.name}" for each in await groups.all_groups(plexus)
        }
    return {
        each: tr("the whole company") if kind == "tenant" else names.get(f"{kind}:{id_}", each)
        for each, (kind, _, id_) in plain.items()
    }


async def readable(plexus: Plexus, texts: Iterable[str]) -> Callable[[str], str]:
    """Return a function that replaces ids in texts by the names that the caller may see."""
    found = [match for text in texts for match in _REFERENCE.finditer(text)]
    people = await name_people(
        plexus, {each["id"] for each in found if each["id"].startswith("per_")}
    )
    written = {each[0] for each in found if each["kind"] in {"department:", "group:", "tenant:"}}
    try:
        names = await shown(plexus, written) if written else {}
    except Refused as refused:
        if refused.reason != "PERMISSION_MISSING":
            raise
        # Callers who may not list departments and groups see their ids.
        names = {}

    def replaced(match: re.Match[str]) -> str:
        return names.get(match[0]) or people.get(match["id"]) or match[0]

    return lambda text: _REFERENCE.sub(replaced, text)
