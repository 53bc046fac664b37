"""Administrators of a department: what they manage, and what they cannot tell from absent."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from directory import operations
from directory.domain.access import ADMIN, MEMBER
from directory.domain.access_refusals import GrantExceedsOwn
from directory.domain.departments import Department
from directory.domain.people import Changes, Person
from directory.domain.refusals import DepartmentNotFound, PermissionMissing, PersonNotFound
from plexuskit.errors import InvalidArgument, Refusal
from pymongo import monitoring

NEVER = "per_none"


class Commands(monitoring.CommandListener):
    """What the store is asked while somebody listens."""

    def __init__(self) -> None:
        self.heard: list[str] | None = None

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if self.heard is not None:
            self.heard.append(f"{event.command_name} {event.command[event.command_name]}")

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass

    async def of(self, attempt: Awaitable[Any]) -> list[str]:
        self.heard = []
        await attempt
        heard, self.heard = self.heard, None
        return heard


# Of every client that is made from here on.
COMMANDS = Commands()
monitoring.register(COMMANDS)


@dataclass(frozen=True, kw_only=True)
class Scoped:
    """`lead` administers `north`; `deep` lies below it, `south` beside it."""

    whole: Any  # the company as its administrator acts in it
    part: Any  # the company as `lead` acts in it
    lead: Person
    north: Department
    deep: Department
    south: Department


async def department(company: Any, name: str, parent: str = "", external: str = "") -> Department:
    return await operations.create_department(
        company.store,
        actor=company.actor,
        name=name,
        parent_id=parent,
        external_id=external,
        request=None,
        now=company.now,
    )


async def bind(company: Any, role: str, person: Person, scope: str, **rest: Any) -> None:
    await operations.bind_role(
        company.store,
        actor=company.actor,
        role_id=role,
        subject=f"person:{person.id}",
        scope=scope,
        request=None,
        now=company.now,
        **{"expires_at": None, **rest},
    )


async def update(company: Any, person_id: str, **changes: Any) -> Person:
    return await operations.update_person(
        company.store,
        actor=company.actor,
        person_id=person_id,
        changes=Changes(**changes),
        expected_version=0,
        request=None,
        now=company.now,
    )


async def deactivate(company: Any, person_id: str) -> Person:
    return await operations.deactivate_person(
        company.store, actor=company.actor, person_id=person_id, request=None, now=company.now
    )


async def set_password(company: Any, person_id: str) -> None:
    await operations.set_password(
        company.store,
        company.hashes,
        actor=company.actor,
        person_id=person_id,
        old_password="",
        new_password="another horse",
        now=company.now,
    )


@pytest.fixture
async def scoped(company: Any) -> Scoped:
    north, south = await department(company, "north"), await department(company, "south")
    deep = await department(company, "deep", north.id)
    lead = await company.hire("lead", department_ids=[north.id])
    await bind(company, ADMIN, lead, f"department:{north.id}")
    part = replace(company, actor=company.acting_as(lead))
    return Scoped(whole=company, part=part, lead=lead, north=north, deep=deep, south=south)


def sameness(refusals: Sequence[Refusal]) -> None:
    """Refusals that nobody can tell apart (GW-2)."""
    [first, *others] = [(r.kind, r.reason, dict(r.metadata), r.message()) for r in refusals]
    assert all(other == first for other in others)


async def refused(attempt: Awaitable[Any], as_: type[Refusal]) -> Refusal:
    with pytest.raises(as_) as raised:
        await attempt
    return raised.value


async def test_gw_3_people_below_a_department_are_managed_by_its_administrator(
    scoped: Scoped,
) -> None:
    part = scoped.part
    li = await part.hire("li", department_ids=[scoped.deep.id])
    assert li.roles == (MEMBER,)
    both = [scoped.north.id, scoped.deep.id]
    assert (await update(part, li.id, title="x", department_ids=both)).title == "x"
    assert (await update(part, li.id, email="li@example.com")).email == "li@example.com"
    await set_password(part, li.id)
    assert not (await deactivate(part, li.id)).active


async def test_gw_2_people_elsewhere_are_absent_to_the_administrator_of_a_department(
    scoped: Scoped,
) -> None:
    company, part = scoped.whole, scoped.part
    elsewhere = await company.hire("elsewhere", department_ids=[scoped.south.id])
    partly = await company.hire("partly", department_ids=[scoped.deep.id, scoped.south.id])
    nowhere = await company.hire("nowhere")
    higher = await company.hire("higher", department_ids=[scoped.deep.id], roles=[ADMIN])
    hidden = [person.id for person in (elsewhere, partly, nowhere, higher)]
    for attempt in (
        lambda id_: update(part, id_, title="x"),
        lambda id_: deactivate(part, id_),
        lambda id_: set_password(part, id_),
    ):
        sameness([await refused(attempt(id_), PersonNotFound) for id_ in [*hidden, NEVER]])
    for id_ in hidden:
        assert (await company.store.people.get(id_, tenant_id=company.tenant.id)).version == 1


async def test_gw_2_absent_and_forbidden_cost_the_store_the_same(
    scoped: Scoped,
) -> None:
    part = scoped.part
    elsewhere = await scoped.whole.hire("elsewhere", department_ids=[scoped.south.id])
    other_department, no_department = scoped.south.id, "dep_none"
    pairs = [
        (lambda id_: update(part, id_, title="x"), elsewhere.id, NEVER),
        (lambda id_: deactivate(part, id_), elsewhere.id, NEVER),
        (lambda id_: set_password(part, id_), elsewhere.id, NEVER),
        (lambda id_: department(part, "x", id_), other_department, no_department),
        (lambda id_: part.hire("x", department_ids=[id_]), other_department, no_department),
        (
            lambda id_: bind(part, ADMIN, scoped.lead, f"department:{id_}"),
            other_department,
            no_department,
        ),
    ]
    for attempt, hidden, absent in pairs:
        seen = await COMMANDS.of(refused(attempt(hidden), Refusal))
        assert seen == await COMMANDS.of(refused(attempt(absent), Refusal))
        assert seen


async def test_gw_3_nobody_is_moved_out_of_what_one_manages(scoped: Scoped) -> None:
    part = scoped.part
    li = await part.hire("li", department_ids=[scoped.deep.id])
    for departments in ([scoped.south.id], [scoped.deep.id, scoped.south.id]):
        outside = await refused(update(part, li.id, department_ids=departments), DepartmentNotFound)
        assert outside.metadata == {"department_id": scoped.south.id}
        new = await refused(part.hire("new", department_ids=departments), DepartmentNotFound)
        assert new.metadata == outside.metadata
    await refused(update(part, li.id, department_ids=[]), InvalidArgument)
    await refused(part.hire("new"), InvalidArgument)


async def test_gw_3_the_administrator_of_a_department_gives_no_role_for_the_tenant(
    scoped: Scoped,
) -> None:
    part = scoped.part
    li = await part.hire("li", department_ids=[scoped.deep.id])
    exceeds = await refused(update(part, li.id, roles=[ADMIN]), GrantExceedsOwn)
    assert "permission" in exceeds.metadata
    await refused(part.hire("x", department_ids=[scoped.deep.id], roles=[ADMIN]), GrantExceedsOwn)


async def test_gw_3_taking_over_somebody_of_more_rights_is_refused(scoped: Scoped) -> None:
    company, part = scoped.whole, scoped.part
    li = await company.hire("li", department_ids=[scoped.deep.id])
    await bind(company, ADMIN, li, f"department:{scoped.south.id}")
    await refused(set_password(part, li.id), GrantExceedsOwn)
    await refused(update(part, li.id, email="mine@example.com"), GrantExceedsOwn)
    assert (await update(part, li.id, title="x")).title == "x"
    await set_password(company, li.id)


async def test_gw_3_departments_below_are_managed_and_others_are_absent(scoped: Scoped) -> None:
    company, part = scoped.whole, scoped.part
    made = await department(part, "new", scoped.deep.id, "hr:new")
    assert made.path == (scoped.north.id, scoped.deep.id, made.id)
    assert await department(part, "new", scoped.deep.id, "hr:new") == made
    sameness(
        [
            await refused(department(part, "x", parent), DepartmentNotFound)
            for parent in (scoped.south.id, "dep_none")
        ]
    )
    await refused(department(part, "root"), PermissionMissing)
    known = await department(company, "known", scoped.south.id, "hr:known")
    assert known.external_id == "hr:known"
    await refused(department(part, "known", scoped.deep.id, "hr:known"), DepartmentNotFound)


async def test_gw_1_who_manages_nowhere_lacks_the_permission(scoped: Scoped) -> None:
    li = await scoped.whole.hire("li", department_ids=[scoped.deep.id])
    member = replace(scoped.whole, actor=scoped.whole.acting_as(li))
    for attempt in (
        update(member, scoped.lead.id, title="x"),
        update(member, NEVER, title="x"),
        deactivate(member, scoped.lead.id),
        set_password(member, scoped.lead.id),
        member.hire("x", department_ids=[scoped.deep.id]),
        department(member, "x", scoped.deep.id),
    ):
        await refused(attempt, PermissionMissing)


async def test_gw_3_an_import_is_for_who_may_import_into_the_tenant(scoped: Scoped) -> None:
    attempt = operations.import_people(
        scoped.part.store,
        scoped.part.hashes,
        actor=scoped.part.actor,
        imported=[],
        now=scoped.part.now,
    )
    await refused(attempt, PermissionMissing)


async def test_gw_3_what_is_bound_until_then_manages_nothing_from_then_on(
    scoped: Scoped,
) -> None:
    company = scoped.whole
    li = await company.hire("li", department_ids=[scoped.south.id])
    until = company.now + timedelta(hours=1)
    await bind(company, ADMIN, li, f"department:{scoped.south.id}", expires_at=until)
    part = replace(company, actor=company.acting_as(li))
    await part.hire("before", department_ids=[scoped.south.id])
    company.clock.advance(timedelta(hours=1))
    await refused(part.hire("after", department_ids=[scoped.south.id]), PermissionMissing)


async def test_gw_3_an_api_token_manages_no_more_than_its_scopes(scoped: Scoped) -> None:
    company = scoped.whole
    reading = replace(company, actor=replace(company.actor, scopes=frozenset({"people.read"})))
    await refused(reading.hire("x"), PermissionMissing)
    managing = replace(company, actor=replace(company.actor, scopes=frozenset({"people.manage"})))
    assert (await managing.hire("x")).roles == (MEMBER,)
    await refused(managing.hire("y", roles=[ADMIN]), GrantExceedsOwn)
