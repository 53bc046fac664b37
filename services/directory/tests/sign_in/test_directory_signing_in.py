"""Tenants, signing in, refreshing and ending sessions, on a real database."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from directory.accounts import queries
from directory.accounts.domain.refusals import PasswordChecksBusy, RefreshRefused, RefreshReused
from directory.accounts.domain.sign_in_attempts import Origin
from directory.accounts.operations.hashing import Hashing, hashing
from directory.accounts.operations.lines import Source
from directory.app import Store
from directory.config import PasswordsSection
from directory.people import operations
from directory.people.domain.people import Changes
from directory.people.domain.refusals import (
    BootstrapRefused,
    PersonDeactivated,
    ReasonRequired,
    TenantExists,
)
from directory.shared.domain.actors import ADMIN
from directory.shared.domain.refusals import PermissionMissing, PersonNotFound
from directory.sign_in import operations as sign_in_operations
from directory.sign_in.domain.refusals import OldPasswordWrong, SignInRefused
from directory.sign_in.operations.access_tokens import EdDSA
from joserfc import jwt
from joserfc.jwk import KeySet
from plexus.directory.v1 import events_pb2
from plexus.event.v1.envelope_pb2 import Envelope
from plexus_testkit import FrozenClock
from plexuskit.errors import InvalidArgument
from plexuskit.mongo import Database

Facts = Callable[[], Awaitable[list[Envelope]]]

PASSWORD = "correct horse"
SECRET = "bootstrap secret of the tests"
SECOND = timedelta(seconds=1)
SOURCE = Source("network:192.0.2.7/32")


async def init(
    store: Store, hashes: Hashing, clock: FrozenClock, *, given: str = SECRET, secret: str = SECRET
):
    return await operations.init_tenant(
        store,
        hashes,
        name="北方贸易",
        time_zone="Asia/Shanghai",
        admin_handle="root",
        admin_display_name="",
        admin_password=PASSWORD,
        bootstrap_given=given,
        bootstrap_secret=secret,
        now=clock.now(),
    )


async def set_password(
    company: Any, *, actor: Any = None, person_id: str = "", old: str = "", new: str = "another one"
) -> None:
    await sign_in_operations.set_password(
        company.store,
        company.hashes,
        actor=actor or company.actor,
        person_id=person_id,
        old_password=old,
        new_password=new,
        reason="a test",
        now=company.now,
    )


async def ended(company: Any, *session_ids: str) -> list[str]:
    return await queries.find_ended_sessions(
        company.store, session_ids=session_ids, now=company.now
    )


async def revoked(facts: Facts) -> list[str]:
    return [fact.scope for fact in await facts() if fact.type.endswith("SessionRevoked")]


@pytest.mark.parametrize(
    ("given", "secret"), [("wrong", SECRET), ("", SECRET), ("", ""), ("x", "")]
)
async def test_the_bootstrap_secret_decides_and_none_means_nobody(
    store: Store, hashes: Hashing, clock: FrozenClock, given: str, secret: str
) -> None:
    with pytest.raises(BootstrapRefused):
        await init(store, hashes, clock, given=given, secret=secret)


async def test_there_is_one_tenant_also_when_several_are_asked_for_at_once(
    store: Store, hashes: Hashing, clock: FrozenClock, facts: Facts
) -> None:
    outcomes = await asyncio.gather(
        *(init(store, hashes, clock) for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(outcome, tuple) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, TenantExists) for outcome in outcomes) == 4
    assert len(await facts()) == 1
    with pytest.raises(BootstrapRefused):
        await init(store, hashes, clock, given="wrong")


async def test_gw_1_an_access_token_says_who_for_whom_and_until_when(company: Any) -> None:
    tokens = await company.sign_in("ROOT")
    keys = KeySet.import_key_set(json.loads(company.issuer.public_jwks))
    token = jwt.decode(tokens.access_token, keys, registry=EdDSA())
    assert token.header["typ"] == "at+jwt"
    assert token.header["alg"] == "EdDSA"
    assert token.header["kid"] == keys.keys[0].kid
    claims = token.claims
    assert claims["iss"] == "plexus"
    assert claims["aud"] == "plexus-gateway"
    assert claims["sub"] == company.admin.id
    assert claims["tenant"] == company.tenant.id
    assert claims["sid"] == tokens.session_id
    assert claims["roles"] == ["admin", "member"]
    assert claims["jti"].startswith("jti_")
    assert claims["exp"] - claims["iat"] == 15 * 60
    assert claims["nbf"] == claims["iat"] == int(company.now.timestamp())
    assert "d" not in json.loads(company.issuer.public_jwks)["keys"][0]


async def test_gw_2_every_cause_of_a_refused_sign_in_looks_the_same(company: Any) -> None:
    await company.hire("no.account")
    gone = await company.hire("gone", password=PASSWORD)
    await operations.deactivate_person(
        company.store, actor=company.actor, person_id=gone.id, request=None, now=company.now
    )
    shown = set()
    for handle, password in (
        ("root", "wrong password"),
        ("nobody", PASSWORD),
        ("not a handle", PASSWORD),
        ("no.account", ""),
        ("gone", PASSWORD),
        ("root", "x" * 100_000),
    ):
        with pytest.raises(SignInRefused) as refused:
            await company.sign_in(handle, password)
        shown.add((str(refused.value), refused.value.retry_after, *refused.value.metadata))
    assert len(shown) == 1


async def test_gw_2_an_unknown_handle_costs_a_hash_like_a_known_one(
    company: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[bool] = []
    matches = company.hashes.matches

    async def counted(password_hash: str | None, password: str, *, source: Source) -> bool:
        checked.append(password_hash is None)
        return await matches(password_hash, password, source=source)

    monkeypatch.setattr(company.hashes, "matches", counted)
    for handle in ("root", "nobody", "not a handle"):
        with pytest.raises(SignInRefused):
            await company.sign_in(handle, "wrong password")
    assert checked == [False, True, True]


async def test_gw_2_an_unknown_handle_causes_the_same_commands_as_a_known_one(
    company: Any, db: Database
) -> None:
    gone = await company.hire("gone", password=PASSWORD)
    await operations.deactivate_person(
        company.store, actor=company.actor, person_id=gone.id, request=None, now=company.now
    )
    seen = []
    for handle, password in (
        ("root", "wrong password"),
        ("nobody", "wrong password"),
        ("not a handle", "wrong password"),
        ("gone", PASSWORD),
    ):
        await db._database.command({"profile": 2})
        with pytest.raises(SignInRefused):
            await company.sign_in(handle, password)
        await db._database.command({"profile": 0})
        profile = db._database["system.profile"]
        entries = await profile.find({"op": {"$ne": "command"}}).sort("ts").to_list()
        await profile.drop()
        seen.append(
            [
                (entry["op"], entry["ns"].partition(".")[2], entry.get("planSummary"))
                for entry in entries
                if not entry["ns"].endswith("system.profile")
            ]
        )
    assert len(seen[0]) >= 5
    assert seen[1:] == [seen[0]] * 3


@pytest.mark.parametrize("handle", ["root", "nobody"])
async def test_gw_2_five_failures_lock_known_and_unknown_handles_alike(
    company: Any, handle: str
) -> None:
    waits = []
    for _ in range(6):
        with pytest.raises(SignInRefused) as refused:
            await company.sign_in(handle, "wrong password")
        waits.append(refused.value.retry_after)
    assert waits == [None, None, None, None, 30 * SECOND, 30 * SECOND]


async def test_a_lock_holds_against_the_right_password_and_ends(company: Any) -> None:
    for _ in range(5):
        with pytest.raises(SignInRefused):
            await company.sign_in("root", "wrong password")
    with pytest.raises(SignInRefused):
        await company.sign_in("root")
    company.clock.advance(30 * SECOND)
    await company.sign_in("root")
    # A success resets the count.
    with pytest.raises(SignInRefused) as refused:
        await company.sign_in("root", "wrong password")
    assert refused.value.retry_after is None


async def test_guesses_at_once_gain_nothing(company: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []
    matches = company.hashes.matches

    async def counted(password_hash: str | None, password: str, *, source: Source) -> bool:
        checked.append(password)
        return await matches(password_hash, password, source=source)

    monkeypatch.setattr(company.hashes, "matches", counted)
    outcomes = await asyncio.gather(
        *(company.sign_in("root", f"guess number {n}") for n in range(20)), return_exceptions=True
    )
    assert all(isinstance(outcome, SignInRefused) for outcome in outcomes)
    assert len(checked) == 5


async def test_ten_devices_of_one_person_sign_in_at_once(company: Any) -> None:
    tokens = await asyncio.gather(*(company.sign_in("root") for _ in range(10)))
    assert len({one.session_id for one in tokens}) == 10


async def test_more_checks_than_may_wait_are_refused_whoever_asks() -> None:
    section = PasswordsSection(
        threads=1, max_waiting=1, time_cost=1, memory_kib=1_024, parallelism=1
    )
    async with hashing(section) as narrow:
        outcomes = await asyncio.gather(
            *(narrow.matches(None, "x", source=SOURCE) for _ in range(5)), return_exceptions=True
        )
        assert [type(outcome) for outcome in outcomes].count(PasswordChecksBusy) == 3
        assert await narrow.matches(None, "x", source=SOURCE) is False


async def test_a_hash_of_another_cost_is_renewed_at_sign_in(company: Any) -> None:
    costlier = PasswordsSection(time_cost=2, memory_kib=1_024, parallelism=1)
    async with hashing(costlier) as hashes:
        await sign_in_operations.sign_in(
            company.store,
            hashes,
            company.issuer,
            passkeys=company.passkeys,
            sealing=company.sealing,
            handle="root",
            password=PASSWORD,
            device="",
            origin=Origin(),
            now=company.now,
        )
        stored = await company.store.credentials.find(company.admin.id)
        assert "t=2" in stored.password_hash
    assert await company.sign_in("root")


async def test_refreshing_gives_new_tokens_with_the_roles_of_now(company: Any) -> None:
    li = await company.hire("li", password=PASSWORD)
    tokens = await company.sign_in("li")
    await operations.update_person(
        company.store,
        actor=company.actor,
        person_id=li.id,
        changes=Changes(roles=[ADMIN]),
        expected_version=0,
        request=None,
        now=company.now,
    )
    following = await company.refresh(tokens.refresh_token)
    assert following.session_id == tokens.session_id
    assert following.refresh_token != tokens.refresh_token
    keys = KeySet.import_key_set(json.loads(company.issuer.public_jwks))
    claims = jwt.decode(following.access_token, keys, registry=EdDSA()).claims
    assert claims["roles"] == ["admin"]


async def test_gw_4_a_replayed_token_ends_the_session_with_its_fact(
    company: Any, facts: Facts
) -> None:
    tokens = await company.sign_in("root")
    following = await company.refresh(tokens.refresh_token)
    company.clock.advance(timedelta(minutes=5, seconds=1))
    with pytest.raises(RefreshReused):
        await company.refresh(tokens.refresh_token)
    with pytest.raises(RefreshRefused):
        await company.refresh(following.refresh_token)
    assert await ended(company, tokens.session_id) == [tokens.session_id]

    (fact,) = [fact for fact in await facts() if fact.type.endswith("SessionRevoked")]
    assert (fact.scope, fact.change_no, fact.entity_id) == (
        tokens.session_id,
        1,
        tokens.session_id,
    )


async def test_a_client_that_lost_its_answer_asks_again_and_goes_on(
    company: Any, facts: Facts
) -> None:
    tokens = await company.sign_in("root")
    lost = await company.refresh(tokens.refresh_token)
    company.clock.advance(2 * SECOND)
    got = await company.refresh(tokens.refresh_token)
    company.clock.advance(timedelta(minutes=10))
    await company.refresh(got.refresh_token)
    assert await revoked(facts) == []
    company.clock.advance(timedelta(minutes=5, seconds=1))
    with pytest.raises(RefreshReused):
        await company.refresh(lost.refresh_token)


async def test_a_token_used_twice_at_once_goes_on_in_one_session(
    company: Any, facts: Facts
) -> None:
    tokens = await company.sign_in("root")
    both = await asyncio.gather(*(company.refresh(tokens.refresh_token) for _ in range(2)))
    assert len({one.refresh_token for one in both}) == 2
    assert await company.refresh(both[0].refresh_token)
    assert await revoked(facts) == []


async def test_a_guessed_token_ends_nobodys_session(company: Any) -> None:
    tokens = await company.sign_in("root")
    with pytest.raises(RefreshRefused):
        await company.refresh("A" * 64)
    assert await ended(company, tokens.session_id) == []


async def test_only_hashes_of_tokens_and_passwords_are_stored(company: Any, db: Database) -> None:
    tokens = await company.sign_in("root")
    stored = ""
    for name in await db.collection_names():
        stored += repr(await db.collection(name, schema_version=1).find_all({}))
    assert tokens.refresh_token not in stored
    assert tokens.access_token not in stored
    assert PASSWORD not in stored
    assert "$argon2id$" in stored


async def test_gw_4_deactivating_ends_every_session_in_the_same_transaction(
    company: Any, facts: Facts
) -> None:
    li = await company.hire("li", password=PASSWORD)
    sessions = [(await company.sign_in("li")) for _ in range(3)]
    await operations.deactivate_person(
        company.store, actor=company.actor, person_id=li.id, request=None, now=company.now
    )
    ids = [tokens.session_id for tokens in sessions]
    assert sorted(await revoked(facts)) == sorted(ids)
    assert await ended(company, *ids) == ids
    with pytest.raises(RefreshRefused):
        await company.refresh(sessions[0].refresh_token)
    with pytest.raises(SignInRefused):
        await company.sign_in("li")


async def test_gw_4_no_session_slips_past_a_deactivation(company: Any) -> None:
    for round_ in range(6):
        handle = f"p{round_}"
        person = await company.hire(handle, password=PASSWORD)
        outcomes = await asyncio.gather(
            company.sign_in(handle),
            company.sign_in(handle),
            operations.deactivate_person(
                company.store,
                actor=company.actor,
                person_id=person.id,
                request=None,
                now=company.now,
            ),
            return_exceptions=True,
        )
        opened = [tokens.session_id for tokens in outcomes[:2] if hasattr(tokens, "session_id")]
        assert await ended(company, *opened) == opened


async def test_signing_out_ends_ones_session_once(company: Any, facts: Facts) -> None:
    tokens = await company.sign_in("root")
    actor = company.acting_as(company.admin, session_id=tokens.session_id)
    for _ in range(2):
        await sign_in_operations.sign_out(company.store, actor=actor, now=company.now)
    assert await revoked(facts) == [tokens.session_id]


async def test_gw_4_unknown_and_expired_sessions_count_as_ended(company: Any) -> None:
    tokens = await company.sign_in("root")
    assert await ended(company, tokens.session_id, "ses_unknown") == ["ses_unknown"]
    company.clock.advance(timedelta(days=30))
    assert await ended(company, tokens.session_id) == [tokens.session_id]
    with pytest.raises(InvalidArgument):
        await ended(company, *["ses"] * 10_001)


async def test_ones_own_password_needs_the_old_one_and_ends_the_other_sessions(
    company: Any, facts: Facts
) -> None:
    here = await company.sign_in("root")
    there = await company.sign_in("root")
    actor = company.acting_as(company.admin, session_id=here.session_id)
    with pytest.raises(OldPasswordWrong):
        await set_password(company, actor=actor, old="not that one")
    await set_password(company, actor=actor, old=PASSWORD)
    assert await revoked(facts) == [there.session_id]
    assert await company.sign_in("root", "another one")
    with pytest.raises(SignInRefused):
        await company.sign_in("root")


@pytest.mark.rule("GW-13")
async def test_gw_13_guessing_the_old_password_locks_the_session_and_not_the_person(
    company: Any,
) -> None:
    for _ in range(5):
        with pytest.raises(OldPasswordWrong) as refused:
            await set_password(company, old="not that one")
    assert refused.value.retry_after == 30 * SECOND
    with pytest.raises(OldPasswordWrong):
        await set_password(company)
    assert await company.sign_in("root")


async def test_an_administrator_sets_anothers_password_and_a_member_does_not(company: Any) -> None:
    li = await company.hire("li")
    wang = await company.hire("wang", password=PASSWORD)
    with pytest.raises(PermissionMissing):
        await set_password(company, actor=company.acting_as(wang), person_id=li.id)
    await set_password(company, person_id=li.id)
    assert await company.sign_in("li", "another one")
    with pytest.raises(InvalidArgument):
        await set_password(company, person_id=li.id, new="short")
    with pytest.raises(PersonNotFound):
        await set_password(company, person_id="per_none")
    await operations.deactivate_person(
        company.store, actor=company.actor, person_id=li.id, request=None, now=company.now
    )
    with pytest.raises(PersonDeactivated):
        await set_password(company, person_id=li.id)


@pytest.mark.rule("GW-11")
async def test_gw_11_anothers_password_takes_a_reason_that_the_ledger_keeps(
    company: Any, facts: Any
) -> None:
    li = await company.hire("li", password=PASSWORD)

    async def set_with(reason: str, *, person_id: str, old: str = "") -> None:
        await sign_in_operations.set_password(
            company.store,
            company.hashes,
            actor=company.actor,
            person_id=person_id,
            old_password=old,
            new_password="another green stapler",
            reason=reason,
            now=company.now,
        )

    for reason in ("", "  "):
        with pytest.raises(ReasonRequired):
            await set_with(reason, person_id=li.id)
    assert (await company.enter("li")).tokens
    await set_with("the phone was stolen", person_id=li.id)
    await set_with("", person_id="", old=PASSWORD)

    told = [
        events_pb2.PasswordSet.FromString(each.fact)
        for each in await facts()
        if each.type.endswith(".PasswordSet")
    ]
    assert [(each.person_id, each.reason) for each in told] == [
        (li.id, "the phone was stolen"),
        (company.admin.id, ""),
    ]
