"""Sessions and API tokens that are open: listed, used, revoked (GW-1, GW-3, GW-4)."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from directory.access.domain.refusals import GrantExceedsOwn, PermissionUnknown
from directory.accounts import queries
from directory.accounts.domain.refusals import RefreshRefused
from directory.people import operations as people_operations
from directory.people.domain.people import Kind
from directory.people.domain.refusals import PersonDeactivated
from directory.shared.domain.actors import Actor
from directory.shared.domain.ids import SessionId
from directory.shared.domain.refusals import PermissionMissing, PersonNotFound
from directory.sign_in import operations
from directory.sign_in import queries as sign_in_queries
from directory.sign_in.domain.refusals import ApiTokenInvalid, ApiTokenOfAnother, SessionNotFound
from directory.sign_in.operations import api_tokens as token_operations
from directory.sign_in.operations.api_tokens import NewApiToken, Resolved
from plexus.event.v1.envelope_pb2 import Envelope
from plexus_access.api_tokens import is_well_formed
from plexuskit.errors import InvalidArgument
from plexuskit.request_ids import RequestIdReused

from ..requests_support import request

Facts = Callable[[], Awaitable[list[Envelope]]]
PASSWORD = "correct horse"
DAY = timedelta(days=1)


async def make(
    company: Any,
    actor: Actor,
    *,
    request_id: str = "",
    content: str = "same",
    lasting: timedelta = 30 * DAY,
    **changed: Any,
) -> NewApiToken:
    fields = {"name": "报表", "person_id": "", "scopes": ["people.read"]} | changed
    return await operations.create_api_token(
        company.store,
        actor=actor,
        expires_at=company.now + lasting,
        request=request(request_id, content, person_id=actor.person_id) if request_id else None,
        now=company.now,
        **fields,
    )


async def resolve(company: Any, secret: str) -> Resolved:
    return await operations.resolve_api_token(
        company.store, token_hash=hashlib.sha256(secret.encode()).digest(), now=company.now
    )


async def listed(company: Any, actor: Actor, person_id: str = "") -> Any:
    return await sign_in_queries.list_sessions(
        company.store,
        actor=actor,
        person_id=person_id,
        page_size=0,
        page_token="",
        now=company.now,
    )


async def revoke(company: Any, actor: Actor, session_id: str = "", person_id: str = "") -> int:
    return await operations.revoke_sessions(
        company.store,
        actor=actor,
        session_id=session_id,
        person_id=person_id,
        now=company.now,
    )


async def member_of(company: Any, handle: str = "li", **fields: Any) -> Actor:
    return company.acting_as(await company.hire(handle, password=PASSWORD, **fields))


async def revoked(facts: Facts) -> list[str]:
    return [fact.scope for fact in await facts() if fact.type.endswith("SessionRevoked")]


async def test_gw_01_a_token_is_shown_once_and_stands_for_its_person_within_scopes(
    company: Any, db: Any
) -> None:
    actor = await member_of(company)
    made = await make(company, actor, scopes=["people.read", "tasks.read", "people.read"])
    assert is_well_formed(made.secret)
    found = await resolve(company, made.secret)
    assert found.person.id == actor.person_id
    assert found.token.scopes == ("people.read", "tasks.read")
    assert made.secret not in repr(await db.collection("api_tokens", schema_version=1).find_all({}))
    assert made.secret not in repr(made)
    company.clock.advance(30 * DAY)
    with pytest.raises(ApiTokenInvalid):
        await resolve(company, made.secret)


async def test_gw_06_the_same_request_makes_one_token_and_shows_no_secret_again(
    company: Any,
) -> None:
    actor = await member_of(company)
    first = await make(company, actor, request_id="r1")
    again = await make(company, actor, request_id="r1")
    assert (again.token, again.secret) == (first.token, "")
    with pytest.raises(RequestIdReused):
        await make(company, actor, request_id="r1", content="other")
    assert len((await listed(company, actor)).api_tokens) == 1


async def test_gw_03_a_token_has_nothing_that_its_maker_has_not(company: Any) -> None:
    actor = await member_of(company)
    with pytest.raises(PermissionUnknown):
        await make(company, actor, scopes=["people.fly"])
    with pytest.raises(GrantExceedsOwn) as refused:
        await make(company, actor, scopes=["people.read", "people.manage"])
    assert refused.value.reason == "GRANT_EXCEEDS_OWN"
    limited = replace(actor, scopes=frozenset({"api_tokens.create", "people.read"}))
    assert await make(company, limited)
    with pytest.raises(GrantExceedsOwn):
        await make(company, limited, scopes=["tasks.read"])
    with pytest.raises(PermissionMissing):
        await make(company, replace(actor, scopes=frozenset({"people.read"})))
    for wrong in ({"scopes": []}, {"name": " "}, {"lasting": -DAY}, {"lasting": 400 * DAY}):
        with pytest.raises(InvalidArgument):
            await make(company, actor, **wrong)


async def test_gw_02_a_token_of_somebody_else_needs_its_permission(company: Any) -> None:
    actor = await member_of(company)
    bot = await company.hire("bot", kind=Kind.SERVICE_ACCOUNT)
    for person_id in (bot.id, "per_unknown"):
        with pytest.raises(PermissionMissing):
            await make(company, actor, person_id=person_id)
    with pytest.raises(PersonNotFound):
        await make(company, company.actor, person_id="per_unknown")
    made = await make(company, company.actor, person_id=bot.id)
    assert (await resolve(company, made.secret)).person.id == bot.id


@pytest.mark.rule("GW-11")
async def test_gw_11_nobody_makes_a_token_for_another_human(company: Any) -> None:
    colleague = await company.hire("colleague")
    with pytest.raises(ApiTokenOfAnother):
        await make(company, company.actor, person_id=colleague.id)


@pytest.mark.rule("GW-11")
async def test_gw_11_a_token_made_for_a_human_before_is_refused_from_now_on(company: Any) -> None:
    bot = await company.hire("bot", kind=Kind.SERVICE_ACCOUNT)
    made = await make(company, company.actor, person_id=bot.id)
    assert (await resolve(company, made.secret)).person.id == bot.id
    # As an earlier version stored it: made by an administrator on behalf of a colleague.
    colleague = await company.hire("colleague")
    tokens = company.store.api_tokens._tokens
    await tokens.update({"_id": made.token.id}, {"$set": {"person_id": colleague.id}})
    with pytest.raises(ApiTokenInvalid):
        await resolve(company, made.secret)


async def test_a_token_s_use_is_noted_to_the_minute_by_one_write_a_minute(
    company: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    actor = await member_of(company)
    made = await make(company, actor)
    writes: list[Any] = []
    tokens = company.store.api_tokens._tokens
    update = tokens.update

    async def counted(*args: Any, **options: Any) -> int:
        writes.append(args)
        return await update(*args, **options)

    monkeypatch.setattr(tokens, "update", counted)
    for _ in range(3):
        await resolve(company, made.secret)
        company.clock.advance(timedelta(seconds=10))
    assert len(writes) == 1
    (shown,) = (await listed(company, actor)).api_tokens
    assert shown.last_used_at.second == 0
    company.clock.advance(timedelta(minutes=1))
    await resolve(company, made.secret)
    assert len(writes) == 2


async def test_sessions_are_listed_with_when_they_were_used_last(company: Any) -> None:
    actor = await member_of(company)
    first, second = await company.sign_in("li"), await company.sign_in("li")
    company.clock.advance(timedelta(minutes=7, seconds=30))
    await company.refresh(first.refresh_token)
    sessions = (await listed(company, actor)).sessions
    assert [each.id for each in sessions] == [first.session_id, second.session_id]
    used = sessions[0].last_used_at
    assert (used.second, used.microsecond) == (0, 0)
    assert company.now - used < timedelta(minutes=1)
    company.clock.advance(31 * DAY)
    assert (await listed(company, actor)).sessions == ()


async def test_gw_04_one_session_or_token_is_revoked(company: Any, facts: Facts) -> None:
    actor = await member_of(company)
    tokens, made = await company.sign_in("li"), await make(company, actor)
    assert await revoke(company, actor, tokens.session_id) == 1
    with pytest.raises(RefreshRefused):
        await company.refresh(tokens.refresh_token)
    assert await revoke(company, actor, made.token.id) == 1
    with pytest.raises(ApiTokenInvalid):
        await resolve(company, made.secret)
    assert await revoked(facts) == [tokens.session_id, made.token.id]
    ended = await queries.find_ended_sessions(
        company.store, session_ids=[tokens.session_id, made.token.id], now=company.now
    )
    assert ended == [tokens.session_id, made.token.id]
    with pytest.raises(SessionNotFound):
        await revoke(company, actor, made.token.id)


async def test_gw_04_all_but_the_present_session_are_revoked(company: Any) -> None:
    actor = await member_of(company)
    mine = await company.sign_in("li")
    others = [await company.sign_in("li") for _ in range(2)]
    made = await make(company, actor)
    current = replace(actor, session_id=SessionId(mine.session_id))
    assert await revoke(company, current) == 3
    assert await company.refresh(mine.refresh_token)
    for tokens in others:
        with pytest.raises(RefreshRefused):
            await company.refresh(tokens.refresh_token)
    with pytest.raises(ApiTokenInvalid):
        await resolve(company, made.secret)
    assert (
        await queries.find_ended_sessions(
            company.store, session_ids=[mine.session_id], now=company.now
        )
        == []
    )


async def test_gw_02_others_sessions_are_hidden_from_who_may_not_manage_them(company: Any) -> None:
    li, bo = await member_of(company), await member_of(company, "bo")
    tokens, made = await company.sign_in("li"), await make(company, li)
    shown = set()
    for session_id in (tokens.session_id, made.token.id, "ses_unknown"):
        with pytest.raises(SessionNotFound) as hidden:
            await revoke(company, bo, session_id)
        shown.add(str(hidden.value))
    assert len(shown) == 1
    for person_id in (li.person_id, "per_unknown"):
        with pytest.raises(PermissionMissing):
            await listed(company, bo, person_id)
        with pytest.raises(PermissionMissing):
            await revoke(company, bo, tokens.session_id, person_id)
    with pytest.raises(PersonNotFound):
        await listed(company, company.actor, "per_unknown")
    # Also who manages sessions names whose it is.
    with pytest.raises(SessionNotFound):
        await revoke(company, company.actor, tokens.session_id, bo.person_id)
    assert len((await listed(company, company.actor, li.person_id)).sessions) == 1
    assert await revoke(company, company.actor, tokens.session_id, li.person_id) == 1


async def test_gw_04_deactivation_and_another_s_new_password_end_tokens_too(company: Any) -> None:
    actor = await member_of(company)
    own = await make(company, actor)

    async def set_password(by: Actor, person_id: str, old: str, new: str) -> None:
        await operations.set_password(
            company.store,
            company.hashes,
            actor=by,
            person_id=person_id,
            old_password=old,
            new_password=new,
            reason="a test",
            now=company.now,
        )

    await set_password(actor, "", PASSWORD, "my new one")
    assert await resolve(company, own.secret)
    await set_password(company.actor, actor.person_id, "", "their new one")
    with pytest.raises(ApiTokenInvalid):
        await resolve(company, own.secret)

    later = await make(company, actor)
    await people_operations.deactivate_person(
        company.store, actor=company.actor, person_id=actor.person_id, request=None, now=company.now
    )
    with pytest.raises(ApiTokenInvalid):
        await resolve(company, later.secret)
    bot = await company.hire("bot", kind=Kind.SERVICE_ACCOUNT)
    await people_operations.deactivate_person(
        company.store, actor=company.actor, person_id=bot.id, request=None, now=company.now
    )
    with pytest.raises(PersonDeactivated):
        await make(company, company.actor, person_id=bot.id)


async def test_gw_04_no_token_survives_a_deactivation_at_the_same_moment(company: Any) -> None:
    actor = await member_of(company)
    outcomes = await asyncio.gather(
        *(make(company, actor) for _ in range(4)),
        people_operations.deactivate_person(
            company.store,
            actor=company.actor,
            person_id=actor.person_id,
            request=None,
            now=company.now,
        ),
        return_exceptions=True,
    )
    assert not isinstance(outcomes[-1], BaseException)
    for made in outcomes[:-1]:
        if isinstance(made, NewApiToken):
            with pytest.raises(ApiTokenInvalid):
                await resolve(company, made.secret)
        else:
            assert isinstance(made, PersonDeactivated)
    assert not await company.store.api_tokens.list_alive(
        actor.person_id, tenant_id=actor.tenant_id, now=company.now
    )


def with_token(actor: Actor, made: NewApiToken) -> Actor:
    """The actor as an app with a token."""
    return replace(actor, session_id=SessionId(made.token.id), scopes=frozenset(made.token.scopes))


MAKING = ("api_tokens.create", "people.read")


@pytest.mark.rule("GW-9")
async def test_gw_09_a_token_that_a_token_made_does_not_outlive_it(company: Any) -> None:
    actor = await member_of(company)
    app = with_token(actor, await make(company, actor, scopes=MAKING, lasting=DAY))
    with pytest.raises(InvalidArgument):
        await make(company, app, lasting=DAY + timedelta(seconds=1))
    made = await make(company, app, scopes=MAKING, lasting=DAY)
    company.clock.advance(DAY)
    with pytest.raises(ApiTokenInvalid):
        await resolve(company, made.secret)
    with pytest.raises(InvalidArgument):
        await make(company, with_token(actor, made), lasting=timedelta(hours=1))


@pytest.mark.rule("GW-9")
@pytest.mark.parametrize("everything", [False, True])
async def test_gw_09_revoking_a_token_ends_all_that_was_made_with_it(
    company: Any, facts: Facts, *, everything: bool
) -> None:
    actor = await member_of(company)
    first = await make(company, actor, scopes=MAKING)
    second = await make(company, with_token(actor, first), scopes=MAKING)
    third = await make(company, with_token(actor, second))
    other = await make(company, actor)
    assert await revoke(company, actor, "" if everything else first.token.id)
    for made in (first, second, third):
        with pytest.raises(ApiTokenInvalid):
            await resolve(company, made.secret)
    ids = [first.token.id, second.token.id, third.token.id]
    ended = await queries.find_ended_sessions(company.store, session_ids=ids, now=company.now)
    assert ended == ids
    assert sorted(await revoked(facts)) == sorted([*ids, *([other.token.id] * everything)])
    if not everything:
        assert await resolve(company, other.secret)
    with pytest.raises(ApiTokenInvalid):
        await make(company, with_token(actor, first))


@pytest.mark.rule("GW-9")
async def test_gw_09_a_service_account_s_token_ends_with_the_one_that_made_it(company: Any) -> None:
    bot = await company.hire("bot", kind=Kind.SERVICE_ACCOUNT)
    scopes = (*MAKING, "api_tokens.manage")
    first = await make(company, company.actor, scopes=scopes)
    app = with_token(company.actor, first)
    made = await make(company, replace(app, scopes=frozenset()), person_id=bot.id)
    await revoke(company, company.actor, first.token.id)
    with pytest.raises(ApiTokenInvalid):
        await resolve(company, made.secret)


@pytest.mark.rule("GW-9")
async def test_gw_09_nothing_survives_that_is_made_while_its_maker_is_revoked(company: Any) -> None:
    actor = await member_of(company)
    first = await make(company, actor, scopes=MAKING)
    app = with_token(actor, first)
    *made, _ = await asyncio.gather(
        *(make(company, app) for _ in range(4)),
        revoke(company, actor, first.token.id),
        return_exceptions=True,
    )
    for each in made:
        if isinstance(each, NewApiToken):
            with pytest.raises(ApiTokenInvalid):
                await resolve(company, each.secret)
        else:
            assert isinstance(each, ApiTokenInvalid)


@pytest.mark.rule("GW-9")
async def test_gw_09_one_token_makes_at_most_a_hundred(
    company: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_operations, "MAX_MADE", 3)
    actor = await member_of(company)
    first = await make(company, actor, scopes=MAKING)
    second = await make(company, with_token(actor, first), scopes=MAKING)
    for _ in range(2):
        await make(company, with_token(actor, second))
    with pytest.raises(InvalidArgument):
        await make(company, with_token(actor, second))
    assert await make(company, actor)


async def test_a_hash_that_is_none_is_nobody_s(company: Any) -> None:
    for wrong in (b"", b"x", bytes(32)):
        with pytest.raises(ApiTokenInvalid):
            await operations.resolve_api_token(company.store, token_hash=wrong, now=company.now)
