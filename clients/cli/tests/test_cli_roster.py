"""A company's files: problems are reported with line and column, valid rows come sorted."""

from collections.abc import Callable
from pathlib import Path

import pytest
from plexus_cli.commands.roster import placed
from plexus_cli.roster import (
    Broken,
    managers_first,
    person_requests,
    read_departments,
    read_people,
)
from plexus_cli.sample.roster import write_roster
from plexus_sdk import Refused

Write = Callable[..., Path]


@pytest.fixture
def file(tmp_path: Path) -> Write:
    def write(*lines: str, encoding: str = "utf-8") -> Path:
        path = tmp_path / "file.csv"
        path.write_bytes("\n".join(lines).encode(encoding))
        return path

    return write


def test_a_person_is_read_whole_whatever_the_order_of_columns(file: Write) -> None:
    path = file(
        "name,id,departments,posts,skills,manager,status,employee_number",
        "李雷,E1, D1;D2 ,D2=采购经理,Kafka;谈判,E2,left,007",
        "",
        "韩梅梅,E2,,,,,,",
        encoding="utf-8-sig",
    )
    people = read_people(path)
    assert [person.id for person in people] == ["E1", "E2"]
    ((request, rows),) = person_requests(
        people, source="hr", department={"D1": "dep_1", "D2": "dep_2"}.get
    )
    assert rows == people
    li, han = request.people
    assert (li.external_id, li.handle, li.display_name) == ("hr:E1", "E1", "李雷")
    assert (list(li.department_ids), list(li.skills)) == (["dep_1", "dep_2"], ["Kafka", "谈判"])
    assert [(post.department_id, post.title) for post in li.posts] == [("dep_2", "采购经理")]
    assert (li.manager_external_id, li.deactivated, li.employee_number) == ("hr:E2", True, "007")
    assert (han.manager_external_id, han.deactivated) == ("", False)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (("id,name,phone",), "line 1, column phone: is unknown"),
        (("id",), "line 1, column name: is missing"),
        (("id,name,id",), "line 1, column id: is there twice"),
        ((), "line 1, column id: is missing"),
        (("id,name", "E1,"), "line 2, column name: is empty"),
        (("id,name", ",x"), "line 2, column id: is empty"),
        (("id,name", "E1,a", "E1,b"), "line 3, column id: E1 is on line 2 already"),
        (("id,name", "E1,a,b"), "line 2, column name: has 3 cells"),
        (("id,name,status", "E1,a,gone"), "line 2, column status: gone is neither"),
        (("id,name,posts", "E1,a,boss"), "line 2, column posts: boss is not of the form"),
        (("id,name,posts", "E1,a,D1=x"), "line 2, column posts: D1 is not among"),
        (("id,name", 'E1,"a'), "line 2, column -: unexpected end of data"),
        (
            ("id,name,employee_number", "E1,a,7", "E2,b,7"),
            "line 3, column employee_number: 7 is on line 2 already",
        ),
    ],
)
def test_what_is_wrong_is_named_by_file_line_and_column(
    file: Write, lines: tuple[str, ...], told: str
) -> None:
    path = file(*lines)
    with pytest.raises(Broken) as broken:
        read_people(path)
    assert str(broken.value).startswith(f"{path}, {told}")


def test_a_file_of_another_encoding_is_refused(file: Write) -> None:
    with pytest.raises(Broken, match="is not UTF-8"):
        read_people(file("id,name", "E1,李雷", encoding="gb18030"))


def test_a_file_of_a_chinese_spreadsheet_is_read_or_refused_with_the_remedy(file: Write) -> None:
    path = file("id,name", "E1,李雷", encoding="gbk")
    with pytest.raises(Broken, match="--encoding gb18030"):
        read_people(path)
    people = read_people(path, encoding="gb18030")
    ((request, _),) = person_requests(people, source="hr", department={}.get)
    assert [person.display_name for person in request.people] == ["李雷"]


def test_managers_come_before_their_people_and_nobody_manages_themselves(file: Write) -> None:
    people = read_people(file("id,name,manager", "c,x,b", "b,x,a", "a,x,elsewhere", "d,x,"))
    assert [person.id for person in managers_first(people)] == ["a", "d", "b", "c"]
    for lines in (("a,x,a",), ("a,x,b", "b,x,c", "c,x,a")):
        people = read_people(file("id,name,manager", *lines))
        with pytest.raises(Broken, match="line 2, column manager: leads back"):
            managers_first(people)


def test_parents_come_before_children_and_a_tree_has_no_circle(file: Write) -> None:
    path = file("id,name,parent", "c,x,b", "b,x,a", "a,x,")
    assert [department.id for department in read_departments(path)] == ["a", "b", "c"]
    with pytest.raises(Broken, match="line 2, column parent: z is no department"):
        read_departments(file("id,name,parent", "a,x,z"))
    with pytest.raises(Broken, match="column parent: leads back"):
        read_departments(file("id,name,parent", "a,x,b", "b,x,a"))


def test_a_department_that_nobody_knows_is_named_where_it_stands(file: Write) -> None:
    people = read_people(file("id,name,departments", "a,x,D9"))
    with pytest.raises(Broken, match="line 2, column departments: D9 is no department"):
        list(person_requests(people, source="hr", department=lambda _: None))


def test_a_refusal_of_directory_is_told_with_its_line(file: Write) -> None:
    people = read_people(file("id,name,email", "a,x,", "b,x,nobody"))
    refused = Refused("people[1].email is not an e-mail address.", reason="INVALID_ARGUMENT")
    told = str(placed(refused, people))
    assert told.endswith("line 3, column email: is not an e-mail address.")
    other = Refused("Nobody may.", reason="PERMISSION_MISSING")
    assert placed(other, people) is other


def test_the_sample_company_reads_without_a_problem(tmp_path: Path) -> None:
    people_file, departments_file = write_roster(tmp_path, people=500, departments=43)
    people, departments = (
        managers_first(read_people(people_file)),
        read_departments(departments_file),
    )
    assert (len(people), len(departments)) == (500, 43)
    assert people[0].manager == departments[0].parent == ""
