"""Mention of a department: its members in the conversation are notified, each once (MSG-13)."""

from collections.abc import Callable
from typing import Any

import pytest
from notify.consumers import Handlers
from notify.kinds import mention
from notify.store import Store
from plexuskit.errors import DependencyDown

Ledger = Callable[..., Any]


@pytest.fixture
async def company(handlers: Handlers, membership: Any, facts: Any) -> None:
    """Bo below, Cy in and Dee outside of a department; Ann, Bo, Cy and Dee in a group."""
    membership.members = {
        "dep_a": {"ann", "bo", "cy", "outsider"},
        "dep_b": {"bo"},
        "dep_x": {"bo", "dee"},
    }
    names = ("ann", "bo", "cy", "dee", "outsider")
    await handlers.people([facts.person(name) for name in names])
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
    assert {each.kind for each in await ledger()} == {mention.KIND}
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
    await handlers.messages(
        [
            facts.posted(facts.message(departments=("dep_none",))),
            facts.posted(facts.message(seq=2, departments=("dep_none", "dep_b"), sender="bo")),
        ]
    )
    assert not await ledger()


async def test_msg_13_who_is_not_heard_of_yet_is_told_all_the_same(
    handlers: Handlers, membership: Any, facts: Any, ledger: Ledger
) -> None:
    # The facts of people are another topic and may come later than a message.
    membership.members = {"dep_a": {"bo"}}
    await handlers.messages(
        [
            facts.conversation("ann", "bo", "cy"),
            facts.posted(facts.message(departments=("dep_a",))),
        ]
    )
    assert set(await told(ledger)) == {"per_bo"}


@pytest.mark.usefixtures("company")
async def test_gw_03_a_department_counts_as_it_is_when_the_message_is_told(
    handlers: Handlers, membership: Any, facts: Any, ledger: Ledger
) -> None:
    membership.members["dep_a"].discard("bo")
    await handlers.messages([facts.posted(facts.message(departments=("dep_a",)))])
    assert set(await told(ledger)) == {"per_cy"}


@pytest.mark.usefixtures("company")
async def test_msg_13_while_the_owner_is_away_nothing_is_told_and_nothing_lost(
    handlers: Handlers, membership: Any, facts: Any, ledger: Ledger
) -> None:
    batch = [
        facts.posted(facts.message(mentions=("bo",))),
        facts.posted(facts.message(seq=2, departments=("dep_a",))),
    ]
    membership.down = DependencyDown(dependency="directory")
    with pytest.raises(DependencyDown):
        await handlers.messages(batch)

    membership.down = None
    await handlers.messages(batch)
    told_of = sorted((each.person_id, each.source.seq) for each in await ledger())
    assert told_of == [("per_bo", 1), ("per_bo", 2), ("per_cy", 2)]
