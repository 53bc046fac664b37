"""E-mail addresses that single sign-on links by take a reason, which the ledger keeps (GW-11)."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from directory.people import operations
from directory.people.domain.people import Changes, Kind, Person
from directory.people.domain.refusals import ReasonRequired
from directory.shared.domain.ids import PersonId
from plexus.directory.v1.events_pb2 import SignInEmailSet
from plexus.event.v1.envelope_pb2 import Envelope

from ..providers_support import link, provide

Facts = Callable[[], Awaitable[list[Envelope]]]


async def set_email(company: Any, person_id: PersonId, email: str, reason: str = "") -> Person:
    return await operations.update_person(
        company.store,
        actor=company.actor,
        person_id=person_id,
        changes=Changes(email=email),
        expected_version=0,
        reason=reason,
        request=None,
        now=company.now,
    )


async def reasons(facts: Facts) -> list[tuple[str, str, str]]:
    stated = [each for each in await facts() if each.type.endswith(".SignInEmailSet")]
    read = [(each, SignInEmailSet.FromString(each.fact)) for each in stated]
    return [(each.actor_id, fact.person_id, fact.reason) for each, fact in read]


@pytest.mark.rule("GW-11")
async def test_gw_11_an_address_that_a_provider_links_by_takes_a_reason(
    company: Any, facts: Facts
) -> None:
    await provide(company)
    li = await company.hire("li", email="li@old.example")
    for reason in ("", "  "):
        with pytest.raises(ReasonRequired):
            await set_email(company, li.id, "Mallory@ACME.example", reason)
    assert await reasons(facts) == []
    changed = await set_email(company, li.id, "li@acme.example", " typo ")
    assert changed.email == "li@acme.example"
    assert await reasons(facts) == [(company.admin.id, li.id, "typo")]
    # The same again changes nothing, and so needs none.
    assert await set_email(company, li.id, "li@acme.example") == changed


@pytest.mark.rule("GW-11")
async def test_gw_11_an_address_that_signs_nobody_in_takes_no_reason(
    company: Any, facts: Facts
) -> None:
    li, bo = await company.hire("li"), await company.hire("bo")
    await set_email(company, li.id, "li@acme.example")
    await provide(company)
    await set_email(company, li.id, "li@elsewhere.example")
    await set_email(company, li.id, "")
    bot = await company.hire("bot", kind=Kind.SERVICE_ACCOUNT)
    await set_email(company, bot.id, "bot@acme.example")
    await set_email(company, company.admin.id, "root@acme.example")
    await link(company, bo)
    await set_email(company, bo.id, "bo@acme.example")
    assert await reasons(facts) == []
