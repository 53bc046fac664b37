"""A company of any size as the two input files of `plexus people import`."""

import csv
from pathlib import Path
from typing import Final

_PER_DEPARTMENT: Final = 6
_SURNAMES: Final = "王李张刘陈杨黄赵吴周"
_NAMES: Final = ("伟", "芳", "娜", "敏", "静", "强", "磊", "洋", "艳", "杰")
_SKILLS: Final = ("Kafka", "采购谈判", "合同", "物流", "质检", "Excel", "德语")
_TITLES: Final = ("专员", "主管", "经理", "总监")


def write_roster(
    folder: Path, *, people: int, departments: int, prefix: str = ""
) -> tuple[Path, Path]:
    """Write a company: a tree of degree six, every person in a department with a manager.

    The same numbers give the same files. Children come before their parents, and people before
    their managers, so that a reader must sort them.

    Args:
        folder: folder for the files.
        people: number of people; at least one per department, because each has a leader.
        departments: number of departments.
        prefix: prefix of every id, handle and employee number, to distinguish two companies.

    Returns:
        The file of people and the file of departments.
    """
    people_file, departments_file = folder / "people.csv", folder / "departments.csv"
    tree = [
        {
            "id": f"D{number:04}",
            "name": f"部门 {number}",
            "parent": f"D{(number - 1) // _PER_DEPARTMENT:04}" if number else "",
            "leader": f"{prefix}E{number:05}",
        }
        for number in range(departments)
    ]
    staff = [_person(number, departments=departments, prefix=prefix) for number in range(people)]
    _write(departments_file, list(reversed(tree)))
    _write(people_file, list(reversed(staff)))
    return people_file, departments_file


def _person(number: int, *, departments: int, prefix: str) -> dict[str, str]:
    """Return the n-th person: the first ones lead the departments, the others report to them."""
    home = number % departments
    leads = number < departments
    above = (home - 1) // _PER_DEPARTMENT
    reports_to = home if not leads else above if home else None
    surname, name = _SURNAMES[number % 10], _NAMES[number // 10 % 10]
    return {
        "id": f"{prefix}E{number:05}",
        "name": f"{surname}{name} {number}",
        "handle": f"{prefix}e{number:05}",
        "email": f"e{number:05}@example.com",
        "title": _TITLES[3 if leads and home < _PER_DEPARTMENT else number % 3],
        "departments": f"D{home:04}",
        "posts": f"D{home:04}=部门负责人" if leads else "",
        "skills": ";".join(sorted({_SKILLS[number % 7], _SKILLS[number // 7 % 7]})),
        "manager": "" if reports_to is None else f"{prefix}E{reports_to:05}",
        "employee_number": f"{prefix}{number:05}",
        "cost_center": f"{4_000 + home}",
        "time_zone": "Asia/Shanghai",
        "locale": "zh-CN",
        "status": "left" if number % 97 == 96 and not leads else "active",  # noqa: PLR2004 - some
    }


def _write(file: Path, rows: list[dict[str, str]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.DictWriter(opened, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
