"""Import of a company from CSV files: departments first, then people."""

import codecs
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from plexus.directory.v1 import directory_service_pb2 as pb
from plexus.directory.v1.people_pb2 import Department
from plexus_sdk import Plexus, Refused
from rich.progress import Progress

from plexus_cli.context import run
from plexus_cli.language import counted, tr
from plexus_cli.lookups.departments import all_departments
from plexus_cli.lookups.people import all_people
from plexus_cli.lookups.requests import new_request_id
from plexus_cli.options import Argument, BadParameter, Json, Option
from plexus_cli.output import print_json, say
from plexus_cli.progress import progress
from plexus_cli.roster import (
    DEPARTMENTS_HELP,
    PEOPLE_HELP,
    DepartmentRow,
    PersonRow,
    managers_first,
    person_requests,
    read_departments,
    read_people,
)
from plexus_cli.roster.people import COLUMNS

IMPORT_SECONDS = 120.0
_PLACE = re.compile(r"people\[(?P<index>\d+)\]\.(?P<field>[a-z_]+)\S* (?P<problem>.*)")

HELP = f"""Import people and departments from CSV files; running it again changes nothing.

Files have a header and are UTF-8, or in the encoding of --encoding; an empty cell says nothing
and erases nothing. What the other system calls its people and departments is kept as SOURCE:ID, so
that the next file finds them again.

Columns of FILE, of which `id` and `name` are needed:

{PEOPLE_HELP}

Columns of the departments' file, parents in any order:

{DEPARTMENTS_HELP}

Nobody gets a password: people sign in by single sign-on, or an administrator sets one.
"""


@dataclass(slots=True)
class Loaded:
    """Counts of an import, or of a dry run."""

    people: int = 0
    people_created: int = 0
    people_changed: int = 0
    departments: int = 0
    departments_created: int = 0
    departments_changed: int = 0


def import_(
    file: Annotated[Path, Argument(help="CSV file of people.", exists=True, dir_okay=False)],
    departments: Annotated[
        Path | None,
        Option(help="CSV file of departments.", exists=True, dir_okay=False),
    ] = None,
    source: Annotated[str, Option(help="Name of the other system.")] = "csv",
    encoding: Annotated[
        str, Option(help="Encoding of the files, for example gb18030 (GBK).")
    ] = "utf-8",
    dry_run: Annotated[
        bool,
        Option("--dry-run", help="Check the files and list the changes, without applying them."),
    ] = False,
    json: Json = False,
) -> None:
    """Import people and departments; the help is HELP."""
    try:
        codecs.lookup(encoding)
    except LookupError as error:
        raise BadParameter(tr("there is no encoding {name}", name=encoding)) from error
    people = managers_first(read_people(file, encoding=encoding))
    tree = read_departments(departments, encoding=encoding) if departments else []
    if not re.fullmatch(r"[^\s:]+", source):
        raise BadParameter(tr("{name} is one word without a colon", name="--source"))

    async def work(plexus: Plexus) -> Loaded:
        if dry_run:
            return await look(plexus, people, tree, source=source)
        return await load(plexus, people, tree, source=source)

    done = run(work)
    if json:
        print_json(asdict(done))
        return
    if dry_run:
        say(
            counted(
                done.departments,
                "{n} department: {new} would be new.",
                "{n} departments: {new} would be new.",
                new=done.departments_created,
            )
        )
        say(
            counted(
                done.people,
                "{n} person: {new} would be new.",
                "{n} people: {new} would be new.",
                new=done.people_created,
            )
        )
        return
    say(
        counted(
            done.departments,
            "{n} department: {new} new, {changed} changed.",
            "{n} departments: {new} new, {changed} changed.",
            new=done.departments_created,
            changed=done.departments_changed,
        )
    )
    say(
        counted(
            done.people,
            "{n} person: {new} new, {changed} changed.",
            "{n} people: {new} new, {changed} changed.",
            new=done.people_created,
            changed=done.people_changed,
        )
    )


import_.__doc__ = HELP


async def look(
    plexus: Plexus, people: Sequence[PersonRow], tree: Sequence[DepartmentRow], *, source: str
) -> Loaded:
    """Count the rows that directory does not know yet, and check that every department is known."""
    existing = await _known_departments(plexus, source=source)
    known = existing.keys() | {row.id for row in tree}
    for _ in person_requests(
        people, source=source, department=lambda id_: id_ if id_ in known else None
    ):
        continue
    there = {person.external_id for person in await all_people(plexus, deactivated=True)}
    return Loaded(
        people=len(people),
        people_created=sum(_external(source, person.id) not in there for person in people),
        departments=len(tree),
        departments_created=sum(row.id not in existing for row in tree),
    )


async def load(
    plexus: Plexus, people: Sequence[PersonRow], tree: Sequence[DepartmentRow], *, source: str
) -> Loaded:
    """Import departments, then people, then leaders, with a progress bar.

    Raises:
        Refused: with the line of the file if it concerns one; the rows before it are imported, and
            a second run continues.
    """
    done = Loaded(people=len(people), departments=len(tree))
    with progress() as bars:
        existing = await _known_departments(plexus, source=source)
        bar = bars.add_task("departments", total=len(tree))
        for row in tree:
            await _put_department(plexus, row, existing, source=source, done=done)
            bars.advance(bar)
        ids = await _load_people(plexus, people, existing, source=source, done=done, bars=bars)
        await _lead(plexus, tree, existing, ids=ids, source=source, done=done, bars=bars)
    return done


async def _put_department(
    plexus: Plexus,
    row: DepartmentRow,
    existing: dict[str, Department],
    *,
    source: str,
    done: Loaded,
) -> None:
    """Create a department, or update its name and parent from the file."""
    parent_id = existing[row.parent].id if row.parent else ""
    here = existing.get(row.id)
    if here is None:
        made = pb.CreateDepartmentRequest(
            request_id=new_request_id(),
            name=row.name,
            parent_id=parent_id,
            external_id=_external(source, row.id),
        )
        response = await plexus.call(plexus.directory.CreateDepartment, made)
        existing[row.id] = response.department
        done.departments_created += 1
        return
    # A merged department resolves to its target, which has a name and a place of its own.
    if here.external_id != _external(source, row.id):
        return
    changed = False
    if here.name != row.name:
        renamed = pb.UpdateDepartmentRequest(
            request_id=new_request_id(), department_id=here.id, name=row.name
        )
        existing[row.id] = (
            await plexus.call(plexus.directory.UpdateDepartment, renamed)
        ).department
        changed = True
    if here.parent_id != parent_id:
        moved = pb.MoveDepartmentRequest(
            request_id=new_request_id(), department_id=here.id, parent_id=parent_id
        )
        existing[row.id] = (await plexus.call(plexus.directory.MoveDepartment, moved)).department
        changed = True
    done.departments_changed += changed


async def _load_people(
    plexus: Plexus,
    people: Sequence[PersonRow],
    existing: dict[str, Department],
    *,
    source: str,
    done: Loaded,
    bars: Progress,
) -> dict[str, str]:
    ids: dict[str, str] = {}
    bar = bars.add_task("people", total=len(people))

    def department(id_: str) -> str | None:
        return existing[id_].id if id_ in existing else None

    for request, rows in person_requests(people, source=source, department=department):
        try:
            response = await plexus.call(
                plexus.directory.ImportPeople, request, seconds=IMPORT_SECONDS
            )
        except Refused as refused:
            raise placed(refused, rows) from refused
        ids |= {row.id: person.id for row, person in zip(rows, response.people, strict=True)}
        done.people_created += response.created
        done.people_changed += response.changed
        bars.advance(bar, len(rows))
    return ids


async def _lead(
    plexus: Plexus,
    tree: Sequence[DepartmentRow],
    existing: dict[str, Department],
    *,
    ids: dict[str, str],
    source: str,
    done: Loaded,
    bars: Progress,
) -> None:
    """Set the leaders of departments that differ from the file."""
    # A merged department resolves to its target, which has a leader of its own.
    led = [
        row
        for row in tree
        if row.leader and existing[row.id].external_id == _external(source, row.id)
    ]
    if any(row.leader not in ids for row in led):
        everybody = {each.external_id: each.id for each in await all_people(plexus)}
        named = {row.leader for row in led if _external(source, row.leader) in everybody}
        ids = {id_: everybody[_external(source, id_)] for id_ in named} | ids
    bar = bars.add_task("leaders", total=len(led))
    for row in led:
        leader_id = ids.get(row.leader)
        if leader_id is None:
            raise row.row.broken("leader", f"{row.leader} is nobody")
        if existing[row.id].leader_id != leader_id:
            request = pb.UpdateDepartmentRequest(
                request_id=new_request_id(),
                department_id=existing[row.id].id,
                leader_id=leader_id,
            )
            await plexus.call(plexus.directory.UpdateDepartment, request)
            done.departments_changed += 1
        bars.advance(bar)


def placed(refused: Refused, rows: Sequence[PersonRow]) -> Refused:
    """Add the line and column of the file to a refusal that concerns one."""
    found = _PLACE.search(str(refused))
    if found is None:
        return refused
    row = rows[int(found["index"])].row
    column = COLUMNS.get(found["field"], found["field"])
    return row.broken(column, found["problem"].rstrip("."))


async def _known_departments(plexus: Plexus, *, source: str) -> dict[str, Department]:
    """Return departments by their external id; a merged one maps to its target."""
    every = {each.id: each for each in await all_departments(plexus, closed=True)}
    known: dict[str, Department] = {}
    for each in every.values():
        of_source, _, id_ = each.external_id.partition(":")
        here = each
        while here.closed and here.merged_into_id in every:
            here = every[here.merged_into_id]
        if of_source == source and not here.closed:
            known[id_] = here
    return known


def _external(source: str, id_: str) -> str:
    return f"{source}:{id_}"
