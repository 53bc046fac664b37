"""A department is mentioned: its members in the conversation hear of it, each once (MSG-13)."""

from collections.abc import Callable
from typing import Any

import pytest
from notify.consumers import Handlers
from notify.domain.kinds import Kind
from notify.store import Store
from plexuskit.mongo import Database

Ledger = Callable[..., Any]


@pytest.fixture
async def company(handlers: Handlers, facts: Any) -> None:
    """Bo below, Cy in and Dee outside of a department; Ann, Bo, Cy and Dee in a group."""
    await handlers.departments(
        [facts.department("dep_a"), facts.department("dep_b", "dep_a"), facts.department("dep_x")]
    )
    await handlers.people(
        [
            facts.person("ann", department_ids=["dep_a"]),
            facts.person("bo", department_ids=["dep_x", "dep_b"]),
            facts.person("cy", department_ids=["dep_a"]),
            facts.person("dee", department_ids=["dep_x"]),
            facts.person("outsider", department_ids=["dep_a"]),
        ]
    )
    await handlers.messages([facts.conversation("ann", "bo", "cy", "dee")])


async def told(ledger: Ledger) -> dict[str, str]:
    return {each.person_id: each.title for each in await ledger()}


@pytest.mark.usefixtures("company")
async def test_msg_13_members_in_the_department_or_below_hear_of_it_and_nobody_else(
    handlers: Handlers, facts: Any, ledger: Ledger, store: Store
) -> None:
    record = facts.posted(facts.message(departments=("dep_a",)))
    await handlers.messages([record, record])

    title = "Ann 在「采购」中提到了你的部门"
    assert await told(ledger) == {"per_bo": title, "per_cy": title}
    assert {each.kind for each in await ledger()} == {Kind.MENTION}
    assert await store.claims.counts(record.envelope.event_id) == (2, 0)


@pytest.mark.usefixtures("company")
async def test_ntf_02_who_is_addressed_twice_hears_once(
    handlers: Handlers, facts: Any, ledger: Ledger
) -> None:
    await handlers.messages(
        [facts.posted(facts.message(departments=("dep_a", "dep_x"), mentions=("bo",)))]
    )
    assert await told(ledger) == {
        "per_bo": "Ann 在「采购」中提到了你",
        "per_cy": "Ann 在「采购」中提到了你的部门",
        "per_dee": "Ann 在「采购」中提到了你的部门",
    }


@pytest.mark.usefixtures("company")
async def test_msg_13_an_unknown_or_empty_department_tells_nobody(
    handlers: Handlers, facts: Any, ledger: Ledger
) -> None:
    await handlers.departments([facts.department("dep_empty")])
    await handlers.messages(
        [
            facts.posted(facts.message(departments=("dep_none",))),
            facts.posted(facts.message(seq=2, departments=("dep_empty",))),
        ]
    )
    assert not await ledger()


@pytest.mark.usefixtures("company")
async def test_gw_03_a_department_that_moved_counts_where_it_is(
    handlers: Handlers, facts: Any, ledger: Ledger
) -> None:
    await handlers.departments(
        [facts.department("dep_b", version=2), facts.department("dep_b", "dep_a", version=1)]
    )
    await handlers.messages([facts.posted(facts.message(departments=("dep_a",)))])
    assert set(await told(ledger)) == {"per_cy"}


@pytest.mark.usefixtures("company")
async def test_msg_04_the_same_version_brings_departments_into_older_documents(
    handlers: Handlers, facts: Any, ledger: Ledger, db: Database
) -> None:
    people = db.collection("people", schema_version=1)
    await people.update({"_id": "per_bo"}, {"$unset": {"department_ids": ""}})
    await handlers.messages([facts.posted(facts.message(departments=("dep_b",)))])
    assert not await ledger()

    await handlers.people([facts.person("bo", department_ids=["dep_b"])])
    await handlers.messages([facts.posted(facts.message(seq=2, departments=("dep_b",)))])
    assert set(await told(ledger)) == {"per_bo"}
