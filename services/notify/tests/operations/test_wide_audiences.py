"""Messages to many people beside those of others in one batch of records (GW-6, NTF-2)."""

from collections.abc import Callable
from typing import Any

import pytest
from notify.consumers import Handlers
from plexuskit.errors import DependencyDown

pytestmark = [pytest.mark.usefixtures("known"), pytest.mark.rule("GW-6")]

Ledger = Callable[..., Any]
FLOODED = tuple(f"flooded{number}" for number in range(21))


@pytest.fixture(params=[{"everybody": True}, {"mentions": FLOODED}], ids=["all", "by name"])
async def flood(request: Any, handlers: Handlers, facts: Any) -> list[Any]:
    """Five messages to all of a group of Dee's."""
    group = facts.conversation("dee", *FLOODED, id_="cnv_flood")
    await handlers.people([facts.person(name) for name in ("dee", *FLOODED)])
    await handlers.messages([group])
    return [
        facts.posted(
            facts.message(seq=seq, conversation="cnv_flood", sender="dee", **request.param)
        )
        for seq in range(1, 6)
    ]


async def test_gw_06_few_recipients_are_notified_before_many(
    handlers: Handlers, facts: Any, flood: list[Any], membership: Any, ledger: Ledger
) -> None:
    slow = facts.posted(facts.message(seq=6, conversation="cnv_flood", departments=("dep_1",)))
    direct = facts.posted(facts.message(conversation="cnv_direct"))
    named = facts.posted(facts.message(seq=2, mentions=("cy",)))
    membership.down = DependencyDown(dependency="directory")
    batch = [*flood, slow, direct, named]

    with pytest.raises(DependencyDown):
        await handlers.messages(batch)
    # It goes wrong at the last record of the flood, which the others did not wait for.
    notified = [each.person_id for each in await ledger()]
    assert sorted(notified[:2]) == ["per_bo", "per_cy"]

    membership.down = None
    await handlers.messages(batch)
    assert len(await ledger()) == 5 * len(FLOODED) + 2


async def test_gw_06_conversations_with_many_recipients_take_turns(
    handlers: Handlers, facts: Any, flood: list[Any], membership: Any, ledger: Ledger
) -> None:
    other = facts.posted(facts.message(everybody=True))
    slow = facts.posted(facts.message(seq=2, departments=("dep_1",)))
    membership.down = DependencyDown(dependency="directory")
    batch = [*flood, other, slow]

    with pytest.raises(DependencyDown):
        await handlers.messages(batch)
    # The second record of the group is reached when the flood has had two turns at most.
    assert len(await ledger("bo")) == 1
    assert len(await ledger(FLOODED[0])) <= 2

    membership.down = None
    await handlers.messages(batch)
    assert len(await ledger()) == 5 * len(FLOODED) + 2


async def test_msg_11_edits_that_came_together_change_notifications_once(
    handlers: Handlers, facts: Any, outbox: Callable[..., Any], ledger: Ledger
) -> None:
    first = facts.message("first", mentions=("bo",))
    edits = []
    for number in range(1, 11):
        edited = facts.message(f"edit {number}", mentions=("bo", "cy") if number > 4 else ("bo",))
        edits.append(facts.edited(edited, *(("cy",) if number == 5 else ())))
    await handlers.messages([facts.posted(first), *edits])

    (bo,), (cy,) = await ledger("bo"), await ledger("cy")
    assert (bo.body, cy.body) == ("edit 10", "edit 10")
    assert len(await outbox(bo.id)) == 2
