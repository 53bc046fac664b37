"""CSV files with a header, read strictly: a problem is reported with file, line and column."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from plexus_sdk import Refused

from plexus_cli.language import tr
from plexus_cli.texts import decoded

SEPARATOR: Final = ";"
PEOPLE_COLUMNS: Final[Mapping[str, str]] = {
    "id": "the other system's key of the person; needed, each once",
    "name": "as colleagues write it; needed",
    "handle": "what one signs in and is mentioned with; made of the id when empty",
    "email": "address",
    "title": "post, for example 采购经理",
    "departments": "ids of departments, main one first, separated by ;",
    "posts": "further posts as DEPARTMENT=TITLE, separated by ;",
    "skills": "separated by ;",
    "manager": "id of the person reported to, in this file or imported before",
    "employee_number": "the company's own number, each once",
    "cost_center": "for example 4711",
    "time_zone": "IANA zone, for example Asia/Shanghai; the tenant's when empty",
    "locale": "zh-CN or en; zh-CN when empty",
    "status": "active or left; active when empty",
}
DEPARTMENT_COLUMNS: Final[Mapping[str, str]] = {
    "id": "the other system's key of the department; needed, each once",
    "name": "as it is shown; needed",
    "parent": "id of the department above; empty for a root",
    "leader": "id of the person who leads it, of the people's file or imported before",
}


class Broken(Refused):
    """A problem of a file, with its place."""

    def __init__(self, file: Path, *, line: int, column: str, problem: str) -> None:
        super().__init__(
            tr(
                "{file}, line {line}, column {column}: {problem}.",
                file=file,
                line=line,
                column=column,
                problem=problem,
            ),
            reason="FILE_BROKEN",
        )


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a file, its cells stripped of surrounding white space."""

    file: Path
    line: int
    cells: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        """Return a cell; "" for a column that the file does not have."""
        return self.cells.get(column, "")

    def needed(self, column: str) -> str:
        """Return a cell that must not be empty.

        Raises:
            Broken: it is empty.
        """
        if not self[column]:
            raise self.broken(column, tr("is empty"))
        return self[column]

    def listed(self, column: str) -> list[str]:
        """Return the separated parts of a cell."""
        return [part.strip() for part in self[column].split(SEPARATOR) if part.strip()]

    def broken(self, column: str, problem: str) -> Broken:
        """Return the error for a problem of a cell."""
        return Broken(self.file, line=self.line, column=column, problem=problem)


def read(
    file: Path, *, columns: Mapping[str, str], needed: Sequence[str], encoding: str = "utf-8"
) -> list[Row]:
    """Read a file's rows with unique ids; skip empty lines.

    Args:
        file: has a header; separated by commas, semicolons or tabs, as in the header.
        columns: the allowed columns.
        needed: the required columns.
        encoding: encoding of a file without a byte-order mark.

    Raises:
        Broken: the first violation, with its place.
    """
    rows = list(_rows(file, columns=columns, needed=needed, encoding=encoding))
    lines: dict[str, int] = {}
    for row in rows:
        id_ = row.needed("id")
        if id_ in lines:
            problem = tr("{id} is on line {line} already", id=id_, line=lines[id_])
            raise row.broken("id", problem)
        lines[id_] = row.line
    return rows


def _rows(
    file: Path, *, columns: Mapping[str, str], needed: Sequence[str], encoding: str
) -> Iterator[Row]:
    line = 1
    try:
        text = _text(file, encoding)
        reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=_delimiter(text))
        header = [name.strip() for name in next(reader, [])]
        _check_header(file, header, columns=columns, needed=needed)
        for cells in reader:
            line = reader.line_num
            if len(cells) > len(header):
                problem = tr("has {n} cells, more than the header", n=len(cells))
                raise Broken(file, line=line, column=header[-1], problem=problem)
            if any(cell.strip() for cell in cells):
                named = zip(header, (cell.strip() for cell in cells), strict=False)
                yield Row(file, line, dict(named))
    except csv.Error as error:
        raise Broken(file, line=line + 1, column="-", problem=str(error)) from error


def _text(file: Path, encoding: str) -> str:
    """Return the text of a file in its encoding."""
    content = file.read_bytes()
    try:
        return decoded(content, encoding=encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        problem = tr(
            "is not {encoding} text; for a file of a Chinese spreadsheet add --encoding gb18030",
            encoding=encoding.upper(),
        )
        raise Broken(file, line=line, column="-", problem=problem) from error


def _delimiter(text: str) -> str:
    """Return the column separator of the header: a comma, else a semicolon or a tab."""
    header = text.partition("\n")[0]
    return next((each for each in ",;\t" if each in header), ",")


def _check_header(
    file: Path, header: Sequence[str], *, columns: Mapping[str, str], needed: Sequence[str]
) -> None:
    for name in header:
        if name not in columns:
            problem = tr("is unknown; there are {columns}", columns=", ".join(columns))
            raise Broken(file, line=1, column=name or "-", problem=problem)
        if header.count(name) > 1:
            raise Broken(file, line=1, column=name, problem=tr("is there twice"))
    for name in needed:
        if name not in header:
            raise Broken(file, line=1, column=name, problem=tr("is missing"))


def _described(columns: Mapping[str, str]) -> str:
    return "\n".join(f"- `{name}`: {what}" for name, what in columns.items())


PEOPLE_HELP: Final = _described(PEOPLE_COLUMNS)
DEPARTMENTS_HELP: Final = _described(DEPARTMENT_COLUMNS)
