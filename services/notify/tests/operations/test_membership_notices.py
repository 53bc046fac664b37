"""People are notified of what others do to their membership in groups."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from notify.consumers import Handlers
from notify.domain.kinds import Channel
from notify.kinds import membership
from plexus.messaging.v1.conversations_pb2 import Member
from plexus_testkit.clock import FrozenClock

pytestmark = pytest.mark.usefixtures("known")

Ledger = Callable[..., Any]


async def titles(ledger: Ledger) -> dict[str, str]:
    return {each.person_id: each.title for each in await ledger() if each.kind is membership.KIND}


async def test_who_is_added_to_a_new_group_is_notified_but_not_its_maker(
    handlers: Handlers, facts: Any, ledger: Ledger
) -> None:
    record = facts.conversation("ann", "bo", "cy", id_="cnv_new", name="新群", origin="")
    await handlers.messages([record, record])
    assert await titles(ledger) == {
        "per_bo": "Ann 将你加入「新群」",
        "per_cy": "Ann 将你加入「新群」",
    }
    (told,) = await ledger("bo")
    assert (told.source.kind, told.source.id, told.body) == (
        "conversation",
        "cnv_new",
        "你现在可以在群里收发消息。",
    )
    assert told.in_inbox
    assert not told.email.state.is_open
    assert membership.KIND.channels == {Channel.IN_APP}


async def test_added_removed_and_a_new_role_notify_each_and_leaving_does_not(
    handlers: Handlers, facts: Any, ledger: Ledger, clock: FrozenClock
) -> None:
    before = clock.now() - timedelta(days=1)
    await handlers.people([facts.person("dee", locale="en")])
    await handlers.messages([facts.joined(facts.member("dee", version=3), origin="")])
    role = facts.member("bo", version=4, role=Member.ROLE_OWNER, joined_at=before)
    await handlers.messages([facts.joined(role, origin="")])
    await handlers.messages([facts.left(facts.member("cy", version=5, last=1), origin="")])
    assert await titles(ledger) == {
        "per_dee": "Ann added you to 采购",
        "per_bo": "Ann 将你设为「采购」的群主",
        "per_cy": "Ann 将你移出「采购」",
    }
    leaving = facts.left(facts.member("dee", version=6, last=1), by_themselves=True, origin="")
    await handlers.messages([leaving])
    assert len(await titles(ledger)) == 3


async def test_a_second_time_in_a_group_notifies_again(
    handlers: Handlers, facts: Any, ledger: Ledger
) -> None:
    for version in (3, 5):
        await handlers.messages([facts.joined(facts.member("bo", version=version), origin="")])
    assert len(await ledger("bo")) == 2


async def test_imports_and_direct_conversations_notify_nobody(
    handlers: Handlers, facts: Any, ledger: Ledger
) -> None:
    await handlers.messages(
        [
            facts.conversation("ann", "bo", id_="cnv_imported", origin="import"),
            facts.conversation("ann", "cy", id_="cnv_two", direct=True, origin=""),
        ]
    )
    assert await titles(ledger) == {}
