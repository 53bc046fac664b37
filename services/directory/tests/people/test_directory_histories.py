"""Random histories of the organisation: facts match the state, and rules hold (MSG-4)."""

import contextlib
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from directory.people import operations, queries
from directory.people.domain.groups import Rule
from directory.people.domain.people import Kind, Person
from directory.people.domain.posts import Post
from directory.people.domain.refusals import DepartmentCycle, ReportingCycle, SuperiorUnavailable
from directory.people.events import department_to_proto, group_to_proto, person_to_proto
from directory.people.operations import GroupDraft
from directory.shared.domain.refusals import DepartmentNotFound
from plexus.directory.v1 import events_pb2
from plexus.event.v1.envelope_pb2 import Envelope
from plexuskit.errors import InvalidArgument

Facts = Callable[[], Awaitable[list[Envelope]]]
SKILLS = ("Kafka", "Java", "谈判")
TITLES = ("采购", "经理", "")
STEPS = 60
# Refusals that a random step may rightly get.
EXPECTED = (
    DepartmentCycle,
    DepartmentNotFound,
    InvalidArgument,
    ReportingCycle,
    SuperiorUnavailable,
)


class History:
    """Random changes of a company, one after the other."""

    def __init__(self, company: Any, seed: int) -> None:
        self.company = company
        self.random = random.Random(seed)  # noqa: S311 - histories that can be repeated
        self.people: list[Person] = []
        self.departments: list[str] = []
        self.common = {"actor": company.actor, "request": None, "now": company.now}

    async def begin(self) -> None:
        for number in range(5):
            parent = self.departments[-1] if self.departments and number % 2 else ""
            self.departments.append(await self.company.department(f"部门 {number}", parent))
        for number in range(6):
            self.people.append(await self.company.hire(f"p{number}", **self._home()))
        for number, rule in enumerate(
            (
                Rule(department_ids=(self.departments[0],), kinds=(Kind.HUMAN,)),  # type: ignore[arg-type]
                Rule(skills=("Kafka",), titles=("采购", "经理")),
                Rule(department_ids=tuple(self.departments[1:3])),  # type: ignore[arg-type]
            )
        ):
            draft = GroupDraft(name=f"规则 {number}", rule=rule)
            await operations.create_group(self.company.store, draft=draft, **self.common)
        by_name = GroupDraft(name="点名", member_ids=[self.people[0].id, self.people[1].id])
        await operations.create_group(self.company.store, draft=by_name, **self.common)

    async def step(self) -> None:
        choose, store = self.random.choice, self.company.store
        person = await self.company.load(choose(self.people))
        one, other = choose(self.departments), choose(self.departments)
        match self.random.randrange(8):
            case 0 | 1:
                await self.company.change(person, **self._home(), skills=[choose(SKILLS)])
            case 2:
                await self.company.change(person, manager_id=choose(self.people).id)
            case 3 if person.active:
                await self.company.dismiss(person)
            case 3:
                await operations.reactivate_person(store, person_id=person.id, **self.common)
            case 4 | 5:
                await operations.move_department(
                    store, department_id=one, parent_id=choose([other, ""]), **self.common
                )
            case 6:
                await operations.merge_department(
                    store, department_id=one, into_id=other, **self.common
                )
                self.departments.remove(one)
            case 7:
                split = await operations.split_department(
                    store,
                    department_id=one,
                    name="新部门",
                    below=choose([True, False]),
                    person_ids=[person.id] if one in person.department_ids else [],
                    child_ids=[],
                    **self.common,
                )
                self.departments.append(split.department.id)

    def _home(self) -> dict[str, Any]:
        homes = self.random.sample(self.departments, min(2, len(self.departments)))
        return {
            "department_ids": homes,
            "title": self.random.choice(TITLES),
            "posts": [Post(homes[0], self.random.choice(TITLES[:2]))],  # type: ignore[arg-type]
        }


async def fetched(company: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Read people, departments, and groups with their members, as they are stored."""
    store, tenant = company.store, company.tenant.id
    people = {each.id: each async for each in store.people.stream(tenant_id=tenant)}
    departments = {each.id: each async for each in store.departments.stream(tenant_id=tenant)}
    groups = {}
    async for group in store.groups.stream(tenant_id=tenant):
        members, _ = await queries.list_group_members(
            store, actor=company.actor, group_id=group.id, page_size=1_000, page_token=""
        )
        groups[group.id] = (group, sorted(person.id for person in members))
    return people, departments, groups


def told(facts: list[Envelope]) -> dict[str, Any]:
    """Apply facts in their order: the latest state of every entity, versions dense."""
    states: dict[str, Any] = {}
    versions: dict[str, int] = {}
    for fact in facts:
        message = getattr(events_pb2, fact.type.rpartition(".")[2]).FromString(fact.fact)
        assert fact.change_no == versions.get(fact.scope, 0) + 1
        versions[fact.scope] = fact.change_no
        states[fact.scope] = message
    return states


def belongs(person: Person, rule: Rule, departments: dict[str, Any]) -> bool:
    """Return whether a rule matches a person, by a plain reading of it."""
    above = {id_ for each in person.department_ids for id_ in departments[each].path}
    titles = {person.title, *(post.title for post in person.posts)}
    return (
        person.active
        and (not rule.department_ids or bool(above.intersection(rule.department_ids)))
        and (not rule.titles or bool(titles.intersection(rule.titles)))
        and (not rule.skills or bool(set(person.skills).intersection(rule.skills)))
        and (not rule.kinds or person.kind in rule.kinds)
    )


def check(people: dict[str, Person], departments: dict[str, Any], groups: dict[str, Any]) -> None:
    for each in departments.values():
        above = departments[each.parent_id].path if each.parent_id else ()
        assert each.path == (*above, each.id)
        assert not each.closed or not each.parent_id
    for person in people.values():
        assert all(not departments[id_].closed for id_ in person.department_ids)
        assert {post.department_id for post in person.posts} <= set(person.department_ids)
        seen, above = {person.id}, person.manager_id
        while above:
            assert above not in seen
            seen.add(above)
            above = people[above].manager_id
    for group, members in groups.values():
        assert group.size == len(members)
        assert all(people[id_].active for id_ in members)
        assert members == sorted(p.id for p in people.values() if group.id in p.group_ids)
        if group.rule is not None:
            wanted = (p.id for p in people.values() if belongs(p, group.rule, departments))
            assert members == sorted(wanted)


@pytest.mark.parametrize("seed", [1, 3])
async def test_msg_4_old_state_and_facts_are_the_state_that_is_fetched(
    company: Any, facts: Facts, seed: int
) -> None:
    history = History(company, seed)
    await history.begin()
    for number in range(STEPS):
        with contextlib.suppress(*EXPECTED):
            await history.step()
        if number % 10 == 0:
            check(*await fetched(company))

    people, departments, groups = await fetched(company)
    check(people, departments, groups)
    states = told(await facts())
    for person in people.values():
        assert states[person.id].person == person_to_proto(person)
    for department in departments.values():
        assert states[department.id].department == department_to_proto(department)
    for group, members in groups.values():
        assert states[group.id].group == group_to_proto(group)
        assert list(states[group.id].member_ids) == members
    assert states.keys() == {*people, *departments, *groups}
