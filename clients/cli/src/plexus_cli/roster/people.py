"""The file of people, sorted such that managers come before their reports, in requests of 1,000."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from plexus.directory.v1.directory_service_pb2 import ImportedPerson, ImportPeopleRequest
from plexus.directory.v1.people_pb2 import Post

from plexus_cli.language import tr
from plexus_cli.roster.tables import PEOPLE_COLUMNS, Row, read

PEOPLE_AT_ONCE: Final = 1_000
_LEFT: Final = {"": False, "active": False, "left": True}
# Name of each contract field in the file.
COLUMNS: Final[Mapping[str, str]] = {
    "external_id": "id",
    "display_name": "name",
    "department_ids": "departments",
    "manager_external_id": "manager",
    "deactivated": "status",
}


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A person of the file, checked as far as possible without directory."""

    row: Row
    id: str
    departments: tuple[str, ...]
    posts: tuple[tuple[str, str], ...]
    manager: str
    left: bool


def read_people(file: Path, *, encoding: str = "utf-8") -> list[PersonRow]:
    """Read the people in the order of the file.

    Raises:
        Broken: a cell is invalid.
    """
    rows = read(file, columns=PEOPLE_COLUMNS, needed=("id", "name"), encoding=encoding)
    people = [_person(row) for row in rows]
    numbers: dict[str, int] = {}
    for person in people:
        number = person.row["employee_number"]
        if number and number in numbers:
            problem = tr("{id} is on line {line} already", id=number, line=numbers[number])
            raise person.row.broken("employee_number", problem)
        numbers[number] = person.row.line
    return people


def managers_first(people: Sequence[PersonRow]) -> list[PersonRow]:
    """Sort people such that each comes after their manager.

    Raises:
        Broken: the reporting lines form a cycle.
    """
    by_id = {person.id: person for person in people}
    levels: dict[str, int] = {}
    for person in people:
        way: list[PersonRow] = []
        seen: set[str] = set()
        here = person
        while here.id not in levels:
            if here.id in seen:
                raise person.row.broken("manager", tr("leads back to the person themselves"))
            seen.add(here.id)
            way.append(here)
            if here.manager not in by_id:
                break
            here = by_id[here.manager]
        start = levels.get(here.id, 0)
        for number, each in enumerate(reversed(way), start=1):
            levels[each.id] = start + number
    return sorted(people, key=lambda each: levels[each.id])


def person_requests(
    people: Sequence[PersonRow],
    *,
    source: str,
    department: Callable[[str], str | None],
) -> Iterator[tuple[ImportPeopleRequest, Sequence[PersonRow]]]:
    """Yield the requests that import people, each with its rows.

    Args:
        people: sorted such that managers come before their reports.
        source: name of the other system.
        department: returns a department's id by its external id.

    Raises:
        Broken: a department is unknown.
    """
    for start in range(0, len(people), PEOPLE_AT_ONCE):
        some = people[start : start + PEOPLE_AT_ONCE]
        imported = [_imported(each, source=source, department=department) for each in some]
        yield ImportPeopleRequest(people=imported), some


def _person(row: Row) -> PersonRow:
    row.needed("name")
    if row["status"] not in _LEFT:
        raise row.broken("status", tr("{word} is neither active nor left", word=row["status"]))
    departments = tuple(row.listed("departments"))
    posts = tuple(_post(row, part, departments) for part in row.listed("posts"))
    return PersonRow(row, row["id"], departments, posts, row["manager"], left=_LEFT[row["status"]])


def _post(row: Row, part: str, departments: Sequence[str]) -> tuple[str, str]:
    department, _, title = (piece.strip() for piece in part.partition("="))
    if not department or not title:
        raise row.broken("posts", tr("{part} is not of the form DEPARTMENT=TITLE", part=part))
    if department not in departments:
        raise row.broken(
            "posts", tr("{department} is not among the person's departments", department=department)
        )
    return department, title


def _imported(
    person: PersonRow, *, source: str, department: Callable[[str], str | None]
) -> ImportedPerson:
    row = person.row

    def found(id_: str) -> str:
        known = department(id_)
        if known is None:
            raise row.broken("departments", tr("{id} is no department", id=id_))
        return known

    return ImportedPerson(
        external_id=f"{source}:{person.id}",
        handle=row["handle"] or person.id,
        display_name=row["name"],
        email=row["email"],
        title=row["title"],
        time_zone=row["time_zone"],
        locale=row["locale"],
        deactivated=person.left,
        department_ids=[found(each) for each in person.departments],
        posts=[Post(department_id=found(each), title=title) for each, title in person.posts],
        skills=row.listed("skills"),
        manager_external_id=f"{source}:{person.manager}" if person.manager else "",
        employee_number=row["employee_number"],
        cost_center=row["cost_center"],
    )
