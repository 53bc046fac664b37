"""Importing people, on a real database."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from directory.accounts.domain.refusals import RefreshRefused
from directory.accounts.operations.hashing import Hashing, hashing
from directory.accounts.operations.lines import Source
from directory.accounts.operations.sessions import end_earlier_sessions
from directory.config import PasswordsSection
from directory.people import operations
from directory.people.domain.imports import Imported
from directory.people.operations.people import ImportOutcome
from directory.shared.domain.actors import State
from directory.shared.domain.refusals import PermissionMissing
from directory.sign_in.domain.refusals import SignInRefused
from plexus.event.v1.envelope_pb2 import Envelope

Facts = Callable[[], Awaitable[list[Envelope]]]


def someone(number: int, **fields: object) -> Imported:
    given = {
        "external_id": f"slack:U{number}",
        "handle": f"user{number}",
        "display_name": f"人 {number}",
        **fields,
    }
    return Imported(**given)  # type: ignore[arg-type]


async def bring(company: Any, *people: Imported, hashes: Hashing | None = None):
    return await operations.import_people(
        company.store,
        hashes or company.hashes,
        actor=company.actor,
        imported=people,
        now=company.now,
    )


def counts(outcome: ImportOutcome) -> tuple[int, int, int]:
    return outcome.created, outcome.changed, outcome.unchanged


async def test_running_an_import_again_changes_nothing(company: Any, facts: Facts) -> None:
    people = [someone(n, password="tall stapler 1", deactivated=n % 2 == 0) for n in range(6)]
    first = await bring(company, *people)
    stored = await facts()
    again = await bring(company, *people)
    assert (counts(first), counts(again)) == ((6, 0, 0), (0, 0, 6))
    assert again.people == first.people
    assert await facts() == stored


async def test_the_same_import_twice_at_once_makes_everybody_once(company: Any) -> None:
    people = [someone(n) for n in range(20)]
    outcomes = await asyncio.gather(*(bring(company, *people) for _ in range(3)))
    assert sum(outcome.created for outcome in outcomes) == 20
    assert len({tuple(p.id for p in outcome.people) for outcome in outcomes}) == 1


async def test_a_taken_handle_gets_the_next_free_number(company: Any) -> None:
    await company.hire("li")
    await company.hire("li-2")
    first = await bring(company, someone(1, handle="Li"), someone(2, handle="ROOT"))
    more = await bring(company, someone(3, handle="li"), someone(4, handle="li!"))
    assert [p.handle for p in first.people] == ["li-3", "root-2"]
    assert [p.handle for p in more.people] == ["li-4", "li-5"]


async def test_long_handles_that_clash_stay_within_their_length(company: Any) -> None:
    long = "x" * 64
    await bring(company, someone(1, handle=long), someone(2, handle=long))
    outcome = await bring(company, someone(3, handle=long))
    assert outcome.people[0].handle == "x" * 62 + "-3"


async def test_a_password_is_set_once_and_by_nobody_twice(company: Any) -> None:
    await bring(company, someone(1, password="tall stapler 1"))
    await bring(company, someone(1, password="tall stapler 2", title="x"))
    assert await company.sign_in("user1", "tall stapler 1")
    with pytest.raises(SignInRefused):
        await company.sign_in("user1", "tall stapler 2")


async def test_one_password_is_hashed_once_however_many_have_it(
    company: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    make = company.hashes.make

    async def counted(password: str, *, source: Source) -> str:
        made.append(password)
        return await make(password, source=source)

    monkeypatch.setattr(company.hashes, "make", counted)
    people = [someone(n, password=f"tall stapler {n % 2}") for n in range(10)]
    await bring(company, *people)
    await bring(company, *people)
    assert sorted(made) == ["tall stapler 0", "tall stapler 1"]


async def test_an_imported_departure_ends_sessions_with_its_facts(
    company: Any, facts: Facts
) -> None:
    await bring(company, someone(1, password="tall stapler 1"))
    tokens = await company.sign_in("user1", "tall stapler 1")
    outcome = await bring(company, someone(1, deactivated=True))
    assert outcome.people[0].state is State.DEACTIVATED
    with pytest.raises(RefreshRefused):
        await company.refresh(tokens.refresh_token)
    await end_earlier_sessions(company.store, now=company.now)
    types = [fact.type.rpartition(".")[2] for fact in await facts()]
    assert types[-2:] == ["PersonDeactivated", "SessionRevoked"]
    assert (await facts())[-1].scope == tokens.session_id


async def test_a_placeholder_never_signs_in(company: Any) -> None:
    await bring(company, someone(1, password="tall stapler 1", deactivated=True))
    with pytest.raises(SignInRefused):
        await company.sign_in("user1", "tall stapler 1")


async def test_a_member_imports_nobody(company: Any) -> None:
    li = await company.hire("li")
    with pytest.raises(PermissionMissing):
        await operations.import_people(
            company.store,
            company.hashes,
            actor=company.acting_as(li),
            imported=[someone(1)],
            now=company.now,
        )


async def test_245_people_of_one_password_come_in_at_full_cost_in_one_request(company: Any) -> None:
    people = [someone(n, password="tall stapler 1") for n in range(245)]
    async with hashing(PasswordsSection()) as full:
        outcome = await bring(company, *people, hashes=full)
    assert outcome.created == 245
    # The first and the last of them can sign in, so one hash was enough for all.
    await company.sign_in("user1", "tall stapler 1")
    await company.sign_in("user244", "tall stapler 1")


async def test_a_thousand_that_want_one_name_get_a_thousand(company: Any) -> None:
    outcome = await bring(company, *(someone(n, handle="li") for n in range(1_000)))
    assert len({person.handle for person in outcome.people}) == 1_000
