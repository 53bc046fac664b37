"""Addresses set by another person: a notification, and mails without content (GW-11)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from notify.consumers import Handlers
from notify.kinds import address_changed
from plexus.topics import NOTIFY_PEOPLE
from plexus_testkit.clock import FrozenClock

pytestmark = [pytest.mark.usefixtures("known"), pytest.mark.rule("GW-11")]

Ledger = Callable[..., Any]
NEW = "bo@example.org"
SECRET = "合同已经签好了"


async def titles(ledger: Ledger) -> list[str]:
    return [each.title for each in await ledger() if each.kind is address_changed.KIND]


async def mailed(handlers: Handlers, facts: Any, sink: Any, sender: Any, *, seq: int) -> Any:
    """Mention Bo, and return the text of the mail to the address that Bo has now."""
    await handlers.messages([facts.posted(facts.message(seq=seq, mentions=("bo",)))])
    await sender(sink.port).send_due()
    return sink.mails[-1]


def text_of(mail: Any) -> str:
    return f"{mail['Subject']} " + "".join(
        mail.get_body((part,)).get_content() for part in ("plain", "html")
    )


async def test_gw_11_an_address_from_another_person_gets_no_content_for_a_week(
    handlers: Handlers, facts: Any, sink: Any, sender: Any, ledger: Ledger, clock: FrozenClock
) -> None:
    people = handlers.of(NOTIFY_PEOPLE)
    assert SECRET in text_of(await mailed(handlers, facts, sink, sender, seq=1))
    changed = facts.person("bo", email=NEW, version=2, changed_by="ann")
    await people([changed, changed])
    await people([facts.person("bo", email=NEW, title="CTO", version=3, changed_by="ann")])
    await people([facts.person("bo", version=1)])
    assert await titles(ledger) == [f"Ann 将你的邮箱地址改为 {NEW}"]
    (told,) = [each for each in await ledger("bo") if each.kind is address_changed.KIND]
    assert told.in_inbox
    assert not told.email.state.is_open

    mail = await mailed(handlers, facts, sink, sender, seq=2)
    assert mail["To"].addresses[0].addr_spec == NEW
    assert SECRET not in text_of(mail)
    assert "采购" not in text_of(mail)

    clock.advance(timedelta(days=7, seconds=2))
    assert SECRET in text_of(await mailed(handlers, facts, sink, sender, seq=3))


async def test_gw_11_a_change_in_the_same_batch_as_others_is_noticed(
    handlers: Handlers, facts: Any, ledger: Ledger
) -> None:
    await handlers.of(NOTIFY_PEOPLE)(
        [
            facts.person("dee"),
            facts.person("dee", email="dee@example.org", version=2, changed_by="ann"),
            facts.person("dee", email="dee@example.org", version=3, changed_by="dee"),
        ]
    )
    assert len(await titles(ledger)) == 1


async def test_gw_11_first_addresses_and_one_s_own_changes_are_trusted(
    handlers: Handlers, facts: Any, sink: Any, sender: Any, ledger: Ledger
) -> None:
    people = handlers.of(NOTIFY_PEOPLE)
    await people([facts.person("bo", email=NEW, version=2, changed_by="bo")])
    await people([facts.person("new")])
    assert await titles(ledger) == []
    assert SECRET in text_of(await mailed(handlers, facts, sink, sender, seq=1))
