"""A person with very many open sessions: bounded, listed in pages, ended at once (GW-4, GW-11)."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from directory.accounts import queries as accounts_queries
from directory.accounts.domain.refusals import RefreshRefused
from directory.accounts.domain.sessions import (
    FAMILY_BYTES,
    MAX_OPEN,
    SECRET_BYTES,
    EndCause,
    RefreshToken,
    start,
)
from directory.accounts.operations.sessions import ENDED_AT_ONCE, end_earlier_sessions
from directory.accounts.store.documents import SESSIONS
from directory.people.domain.people import Person
from directory.shared.domain.actors import Actor
from directory.shared.domain.ids import SessionId
from directory.sign_in import operations
from directory.sign_in import queries as sign_in_queries
from plexus.directory.v1.events_pb2 import SessionRevoked
from plexus.event.v1.envelope_pb2 import Envelope

from .. import shut_out_support
from ..shut_out_support import deactivate, set_password

Facts = Callable[[], Awaitable[list[Envelope]]]
PASSWORD = "correct horse"
MANY = 20_000


def token(number: int) -> RefreshToken:
    return RefreshToken(
        family=number.to_bytes(FAMILY_BYTES, "big"), secret=number.to_bytes(SECRET_BYTES, "big")
    )


async def store_sessions(company: Any, person: Person, count: int) -> None:
    """Store open sessions as an earlier release left them, without a bound and a generation."""
    documents = []
    for number in range(count):
        session = start(
            session_id=SessionId(f"ses_old{number:06d}"),
            tenant_id=person.tenant_id,
            person_id=person.id,
            device="copy",
            methods=("pwd",),
            single_sign_on="",
            token=token(number),
            generation=0,
            now=company.now - timedelta(minutes=1 + number % 500),
        )
        document = SESSIONS.to_document(session)
        del document["generation"]
        documents.append(document)
    await company.store.sessions._sessions.insert_many(documents)


async def open_of(company: Any, person: Person) -> int:
    return await company.store.sessions._sessions.count({"person_id": person.id, "ended_at": None})


async def ended(company: Any, *ids: str) -> list[str]:
    return await accounts_queries.find_ended_sessions(
        company.store, session_ids=ids, now=company.now
    )


async def causes(facts: Facts) -> list[str]:
    return [
        SessionRevoked.FromString(each.fact).cause
        for each in await facts()
        if each.type.endswith("SessionRevoked")
    ]


async def revoke_all(company: Any, person: Person) -> None:
    assert await shut_out_support.revoke_all(company, person) == MANY


async def list_page(company: Any, actor: Actor, size: int, page_token: str) -> Any:
    return await sign_in_queries.list_sessions(
        company.store,
        actor=actor,
        person_id="",
        page_size=size,
        page_token=page_token,
        now=company.now,
    )


@pytest.mark.rule("GW-4")
@pytest.mark.parametrize(
    ("shut_out", "cause"),
    [
        pytest.param(deactivate, EndCause.PERSON_DEACTIVATED, marks=pytest.mark.long),
        (set_password, EndCause.PASSWORD_SET),
        pytest.param(revoke_all, EndCause.REVOKED, marks=pytest.mark.long),
    ],
    ids=["deactivated", "password", "revoked"],
)
async def test_gw_04_a_person_with_20000_sessions_is_shut_out_at_once(
    company: Any,
    facts: Facts,
    shut_out: Callable[[Any, Person], Awaitable[None]],
    cause: EndCause,
) -> None:
    person = await company.hire("li", password=PASSWORD)
    await store_sessions(company, person, MANY)
    await shut_out(company, person)

    # One transaction decided about all of them and ended the first 200 ...
    assert await open_of(company, person) == MANY - ENDED_AT_ONCE
    for number in (0, 499, MANY - 1):
        with pytest.raises(RefreshRefused):
            await company.refresh(token(number).value)
    asked = [f"ses_old{number:06d}" for number in (0, 499, MANY - 1)]
    assert await ended(company, *asked) == asked
    # ... those used last, forty of each minute.
    used = await company.store.sessions._sessions.find_all(
        {"person_id": person.id, "ended_at": None}, projection={"last_used_at": 1}
    )
    assert all(company.now - each["last_used_at"] >= timedelta(minutes=5) for each in used)

    # The rest follows in batches, from the stored state.
    assert await end_earlier_sessions(company.store, now=company.now) == MANY - ENDED_AT_ONCE
    assert await open_of(company, person) == 0
    assert await causes(facts) == [cause.value] * MANY
    assert await end_earlier_sessions(company.store, now=company.now) == 0


@pytest.mark.rule("GW-4")
async def test_gw_04_ending_continues_after_a_crash_and_spares_later_sessions(
    company: Any, facts: Facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await company.hire("li", password=PASSWORD)
    await store_sessions(company, person, 3 * ENDED_AT_ONCE)
    await company.sign_in("li")
    await operations.revoke_sessions(
        company.store, actor=company.actor, session_id="", person_id=person.id, now=company.now
    )
    later = await company.sign_in("li")
    save_many = company.store.sessions.save_many
    batches = []

    async def fails_second(*args: Any, **options: Any) -> None:
        batches.append(args)
        if len(batches) == 2:
            raise RuntimeError("killed")
        await save_many(*args, **options)

    monkeypatch.setattr(company.store.sessions, "save_many", fails_second)
    with pytest.raises(RuntimeError):
        await end_earlier_sessions(company.store, now=company.now)
    monkeypatch.undo()
    assert await open_of(company, person) > 1
    await end_earlier_sessions(company.store, now=company.now)
    assert await open_of(company, person) == 1
    assert len(await causes(facts)) == 3 * ENDED_AT_ONCE + 1
    assert await company.refresh(later.refresh_token)


@pytest.mark.rule("GW-4")
async def test_gw_04_one_s_own_session_goes_on_when_more_than_a_batch_of_others_ends(
    company: Any,
) -> None:
    person = await company.hire("li", password=PASSWORD)
    mine = await company.sign_in("li")
    company.clock.advance(timedelta(days=1))
    await store_sessions(company, person, 2 * ENDED_AT_ONCE)
    actor = replace(company.acting_as(person), session_id=SessionId(mine.session_id))
    await operations.set_password(
        company.store,
        company.hashes,
        actor=actor,
        person_id="",
        old_password=PASSWORD,
        new_password="another battery",
        reason="",
        now=company.now,
    )
    await end_earlier_sessions(company.store, now=company.now)
    assert await open_of(company, person) == 1
    assert await ended(company, mine.session_id) == []
    assert await company.refresh(mine.refresh_token)


@pytest.mark.rule("GW-13")
async def test_gw_13_a_further_session_ends_the_one_used_longest_ago(
    company: Any, facts: Facts
) -> None:
    person = await company.hire("li", password=PASSWORD)
    first = await company.sign_in("li")
    company.clock.advance(timedelta(minutes=600))
    await store_sessions(company, person, MAX_OPEN - 1)
    assert await causes(facts) == []
    assert await open_of(company, person) == MAX_OPEN
    newest = await company.sign_in("li")
    assert await open_of(company, person) == MAX_OPEN
    assert await causes(facts) == ["too_many_open"]
    assert await ended(company, first.session_id, newest.session_id) == [first.session_id]
    with pytest.raises(RefreshRefused):
        await company.refresh(first.refresh_token)


@pytest.mark.rule("MSG-21")
async def test_msg_21_sessions_and_tokens_are_listed_in_pages(company: Any) -> None:
    person = await company.hire("li", password=PASSWORD)
    await store_sessions(company, person, 7)
    actor = company.acting_as(person)
    expires_at: datetime = company.now + timedelta(days=1)
    tokens = [
        await operations.create_api_token(
            company.store,
            actor=actor,
            name=name,
            person_id="",
            scopes=["people.read"],
            expires_at=expires_at,
            request=None,
            now=company.now,
        )
        for name in "abc"
    ]
    for size in (1, 2, 7, 8):
        seen: list[str] = []
        page_token = ""
        while True:
            page = await list_page(company, actor, size, page_token)
            shown = [*(each.id for each in page.sessions), *(each.id for each in page.api_tokens)]
            assert len(shown) <= size
            seen += shown
            page_token = page.next_page_token
            if not page_token:
                break
        made = sorted((each.token.id for each in tokens), reverse=True)
        assert seen == [*(f"ses_old{number:06d}" for number in range(7)), *made]
