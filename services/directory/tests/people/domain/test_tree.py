"""Laws of the department tree over random histories, against the plainest model there is (GW-3)."""

import contextlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest
from directory.people.domain import departments, people, tenants
from directory.people.domain.departments import DEEPEST, Changed, Department
from directory.people.domain.people import Draft, Person
from directory.people.domain.refusals import DepartmentCycle
from directory.shared.domain.ids import DepartmentId, PersonId, TenantId
from hypothesis import given, settings
from hypothesis import strategies as st
from plexuskit.errors import InvalidArgument

TENANT = TenantId("ten_1")
ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["create", "move", "merge", "split", "split below", "hire"]),
        st.integers(0, 40),
        st.integers(0, 40),
    ),
    max_size=40,
)


def somebody(id_: str, department_id: str) -> Person:
    now = datetime(2026, 3, 2, 1, tzinfo=UTC)
    tenant = tenants.create(tenant_id=TENANT, name="x", time_zone="Asia/Shanghai", now=now)
    draft = Draft(handle=id_, display_name=id_, department_ids=[department_id])
    return people.create(draft, person_id=PersonId(id_), tenant=tenant, now=now)


@dataclass
class Company:
    """Departments and people as the store would keep them; `parents` is the model."""

    departments: dict[str, Department] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)
    homes: dict[str, str] = field(default_factory=dict)
    count: int = 0

    @property
    def open(self) -> list[Department]:
        return [each for each in self.departments.values() if not each.closed]

    def new_id(self) -> DepartmentId:
        self.count += 1
        return DepartmentId(f"dep_{self.count:03}")

    def below(self, department: Department) -> list[Department]:
        return [each for each in self.open if department.id in each.path and each != department]

    def save(self, changed: list[Changed]) -> None:
        for before, after in changed:
            assert self.departments[before.id] == before
            assert after.version == before.version + 1
            self.departments[after.id] = after

    def create(self, parent: Department | None) -> None:
        made = departments.create(
            department_id=self.new_id(),
            tenant_id=TENANT,
            name="x",
            parent=parent,
            external_id="",
        )
        self.departments[made.id] = made
        self.parents[made.id] = parent.id if parent else ""

    def hire(self, department: Department) -> None:
        hired = somebody(f"per_{len(self.people)}", department.id)
        self.people[hired.id] = hired
        self.homes[hired.id] = department.id

    def move(self, department: Department, parent: Department) -> None:
        self.save(departments.move(department, below=self.below(department), parent=parent))
        self.parents[department.id] = parent.id

    def merge(self, department: Department, into: Department) -> None:
        self.save(departments.merge(department, into=into, below=self.below(department)))
        self._transfer(department.id, into.id, list(self.people))
        for child, parent in self.parents.items():
            if parent == department.id:
                self.parents[child] = into.id
        self.parents[department.id] = ""

    def split(self, department: Department, *, below: bool, take: int) -> None:
        children = [each for each in self.open if each.parent_id == department.id]
        taken = [each.id for each in children[: take % 3]]
        parent = department if below else self.departments.get(department.parent_id)
        new, changed = departments.split(
            department,
            new_id=self.new_id(),
            name="y",
            parent=parent,
            child_ids=taken,
            below=self.below(department),
        )
        self.departments[new.id] = new
        self.save(changed)
        self.parents[new.id] = parent.id if parent else ""
        self.parents |= dict.fromkeys(taken, new.id)
        staff = [id_ for id_, home in self.homes.items() if home == department.id]
        self._transfer(department.id, new.id, staff[: take % 4])

    def _transfer(self, before: DepartmentId, after: DepartmentId, ids: list[str]) -> None:
        for id_ in ids:
            self.people[id_] = people.transfer(self.people[id_], previous=before, after=after)
            if self.homes[id_] == before:
                self.homes[id_] = after


def apply(company: Company, action: str, first: int, second: int) -> None:
    here = company.open
    if action == "create" or not here:
        company.create(here[first % len(here)] if here and second % 4 else None)
        return
    one, other = here[first % len(here)], here[second % len(here)]
    cycle = one.id in other.path
    try:
        match action:
            case "hire":
                company.hire(one)
            case "move":
                company.move(one, other)
            case "merge":
                company.merge(one, other)
            case "split" | "split below":
                company.split(one, below=action.endswith("below"), take=second)
    except DepartmentCycle:
        assert cycle
    else:
        assert not cycle or action not in {"move", "merge"}


def check(company: Company) -> None:
    for each in company.departments.values():
        assert each.parent_id == company.parents[each.id]
        above = company.departments[each.parent_id].path if each.parent_id else ()
        assert each.path == (*above, each.id)
        assert len(set(each.path)) == len(each.path) <= DEEPEST
        assert not any(company.departments[id_].closed for id_ in each.path if id_ != each.id)
    for each in company.people.values():
        assert each.department_ids == (company.homes[each.id],)
        assert not company.departments[company.homes[each.id]].closed


@settings(max_examples=150, deadline=None)
@given(ACTIONS)
def test_gw_03_a_tree_stays_a_tree_whatever_is_moved_merged_and_split(
    actions: list[tuple[str, int, int]],
) -> None:
    company = Company()
    for action, first, second in actions:
        # Nothing else but its depth keeps a tree from growing.
        with contextlib.suppress(InvalidArgument):
            apply(company, action, first, second)
        check(company)


def chain(length: int) -> list[Department]:
    made: list[Department] = []
    for number in range(length):
        made.append(
            departments.create(
                department_id=DepartmentId(f"dep_{number}"),
                tenant_id=TENANT,
                name="x",
                parent=made[-1] if made else None,
                external_id="",
            )
        )
    return made


def test_gw_03_a_move_that_would_be_too_deep_is_refused_whole() -> None:
    tall, low = chain(15), chain(6)
    low = [
        replace(each, id=f"low_{n}", path=tuple(f"low_{k}" for k in range(n + 1)))
        for n, each in enumerate(low)
    ]
    below = [replace(each, parent_id=low[n].id) for n, each in enumerate(low[1:])]
    with pytest.raises(InvalidArgument) as refused:
        departments.move(low[0], below=below, parent=tall[14])
    assert refused.value.metadata["field"] == "parent_id"
    assert len(departments.move(low[0], below=below, parent=tall[13])) == 6


def test_gw_03_a_move_to_where_it_stands_changes_nothing() -> None:
    above, here = chain(2)
    assert departments.move(here, below=[], parent=above) == []


def test_gw_03_a_closed_department_says_where_its_people_went() -> None:
    above, closing = chain(2)
    ((before, after),) = departments.merge(closing, into=above, below=[])
    assert (before, after.closed, after.merged_into_id) == (closing, True, above.id)
    assert (after.parent_id, after.path, after.version) == ("", (closing.id,), 2)
