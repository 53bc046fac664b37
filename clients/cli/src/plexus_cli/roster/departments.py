"""The file of departments, sorted such that parents come before children."""

from dataclasses import dataclass
from pathlib import Path

from plexus_cli.language import tr
from plexus_cli.roster.tables import DEPARTMENT_COLUMNS, Row, read


@dataclass(frozen=True, slots=True)
class DepartmentRow:
    """A department of the file; `parent` and `leader` are ids of the other system, or ""."""

    row: Row
    id: str
    name: str
    parent: str
    leader: str


def read_departments(file: Path, *, encoding: str = "utf-8") -> list[DepartmentRow]:
    """Read the departments, parents before children.

    Raises:
        Broken: a cell is invalid, a parent is not in the file, or parents form a cycle.
    """
    rows = read(file, columns=DEPARTMENT_COLUMNS, needed=("id", "name"), encoding=encoding)
    by_id = {
        row["id"]: DepartmentRow(row, row["id"], row.needed("name"), row["parent"], row["leader"])
        for row in rows
    }
    for each in by_id.values():
        if each.parent and each.parent not in by_id:
            raise each.row.broken("parent", tr("{id} is no department", id=each.parent))
    depths: dict[str, int] = {}
    for each in by_id.values():
        _measure(each, by_id, depths)
    return sorted(by_id.values(), key=lambda each: depths[each.id])


def _measure(
    department: DepartmentRow, by_id: dict[str, DepartmentRow], depths: dict[str, int]
) -> None:
    way: list[DepartmentRow] = []
    seen: set[str] = set()
    here = department
    while here.id not in depths:
        if here.id in seen:
            raise department.row.broken("parent", tr("leads back to the department itself"))
        seen.add(here.id)
        way.append(here)
        if not here.parent:
            break
        here = by_id[here.parent]
    start = depths.get(here.id, 0)
    for number, each in enumerate(reversed(way), start=1):
        depths[each.id] = start + number
