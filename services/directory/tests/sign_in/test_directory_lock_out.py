"""Failed sign-in attempts: the people they lock out, and their facts for the ledger."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from directory.accounts.operations.failed_sign_ins import state_failed_sign_ins
from directory.sign_in import operations
from directory.sign_in.domain.refusals import SignInRefused
from plexus.directory.v1 import events_pb2
from plexus.event.v1.envelope_pb2 import Envelope

Facts = Callable[[], Awaitable[list[Envelope]]]

PASSWORD = "correct horse"
HERE = "192.0.2.7/32"
STRANGER = "203.0.113.9/32"


async def _lock(company: Any, handle: str, *, network: str, device_key: str = "") -> None:
    for _ in range(5):
        with pytest.raises(SignInRefused):
            await company.enter(handle, "wrong password", network=network, device_key=device_key)


@pytest.mark.rule("GW-13")
async def test_gw_13_a_stranger_elsewhere_locks_nobody_out(company: Any) -> None:
    await _lock(company, "root", network=STRANGER)

    with pytest.raises(SignInRefused) as locked:
        await company.enter("root", network=STRANGER)
    assert locked.value.retry_after is not None
    assert (await company.enter("root")).tokens


@pytest.mark.rule("GW-13")
async def test_gw_13_a_stranger_in_the_same_office_does_not_lock_a_known_device_out(
    company: Any,
) -> None:
    key = (await company.enter("root")).device_key
    assert key
    await _lock(company, "root", network=HERE)

    with pytest.raises(SignInRefused):
        await company.enter("root")
    admitted = await company.enter("root", device_key=key)
    assert admitted.tokens
    assert admitted.device_key == key


@pytest.mark.rule("GW-13")
async def test_gw_13_a_known_device_counts_its_own_failures(company: Any) -> None:
    key = (await company.enter("root")).device_key
    await _lock(company, "root", network=HERE, device_key=key)

    with pytest.raises(SignInRefused) as locked:
        await company.enter("root", network=STRANGER, device_key=key)
    assert locked.value.retry_after is not None
    assert (await company.enter("root")).tokens


@pytest.mark.parametrize("key", ["", "x", "AAAA" * 20, "好" * 9, "x" * 5_000])
async def test_gw_13_a_key_of_another_person_or_a_made_up_one_is_no_known_device(
    company: Any, key: str
) -> None:
    await company.hire("li", password=PASSWORD)
    other = (await company.enter("li")).device_key
    await _lock(company, "root", network=HERE)

    for tried in (key, other):
        with pytest.raises(SignInRefused):
            await company.enter("root", device_key=tried)


@pytest.mark.rule("GW-13")
async def test_gw_13_strangers_do_not_lock_a_person_out_of_their_own_settings(
    company: Any,
) -> None:
    tokens = await company.sign_in("root")
    await _lock(company, "root", network=HERE)

    await operations.set_password(
        company.store,
        company.hashes,
        actor=replace(company.actor, session_id=tokens.session_id),
        person_id="",
        old_password=PASSWORD,
        new_password="another green stapler",
        reason="a test",
        now=company.now,
    )


async def _stated(facts: Facts, kind: str) -> list[Any]:
    return [
        (each, getattr(events_pb2, kind).FromString(each.fact))
        for each in await facts()
        if each.type.endswith(f".{kind}")
    ]


@pytest.mark.rule("GW-7")
async def test_gw_07_a_sign_in_is_stated_with_how_and_where_from(
    company: Any, facts: Facts
) -> None:
    tokens = await company.sign_in("root")

    ((envelope, fact),) = await _stated(facts, "SessionStarted")
    assert (fact.session_id, fact.person_id) == (tokens.session_id, company.admin.id)
    assert (list(fact.methods), fact.network) == (["pwd"], HERE)
    assert envelope.actor_id == company.admin.id


@pytest.mark.rule("GW-7")
async def test_gw_07_failures_are_added_up_by_person_network_and_minute(
    company: Any, facts: Facts, db: Any
) -> None:
    typed_into_the_wrong_field = "my secret passphrase"
    for network in (HERE, HERE, STRANGER):
        with pytest.raises(SignInRefused):
            await company.enter("root", "wrong password", network=network)
    for handle in ("nobody", typed_into_the_wrong_field):
        with pytest.raises(SignInRefused):
            await company.enter(handle, network=STRANGER)

    assert await state_failed_sign_ins(company.store, now=company.now) == 0
    company.clock.advance(timedelta(minutes=2))
    assert await state_failed_sign_ins(company.store, now=company.now) == 3
    assert await state_failed_sign_ins(company.store, now=company.now) == 0

    stated = [fact for _, fact in await _stated(facts, "SignInFailed")]
    assert sorted((each.person_id, each.network, each.attempts) for each in stated) == sorted(
        [(company.admin.id, HERE, 2), (company.admin.id, STRANGER, 1), ("", STRANGER, 2)]
    )
    kept = [
        await db.collection(name, schema_version=1).find_all({})
        for name in ("failed_sign_ins", "sign_in_attempts", "outbox")
    ]
    assert "nobody" not in repr(kept)
    assert typed_into_the_wrong_field not in repr(kept)


@pytest.mark.rule("GW-7")
async def test_gw_07_a_password_set_by_an_administrator_is_stated_with_whose(
    company: Any, facts: Facts
) -> None:
    li = await company.hire("li", password=PASSWORD)
    await operations.set_password(
        company.store,
        company.hashes,
        actor=company.actor,
        person_id=li.id,
        old_password="",
        new_password="another green stapler",
        reason="a test",
        now=company.now,
    )

    ((envelope, fact),) = await _stated(facts, "PasswordSet")
    assert (fact.person_id, envelope.actor_id) == (li.id, company.admin.id)
    assert b"stapler" not in envelope.SerializeToString()


@pytest.mark.rule("GW-13")
async def test_gw_13_another_spelling_of_a_device_key_is_no_known_device(company: Any) -> None:
    key = (await company.enter("root")).device_key
    # Where the last letter has unused bits, its neighbour decodes to the same bytes.
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    neighbour = letters[letters.index(key[-1]) ^ 1]
    spellings = {key + "=", key + "==", key.replace("-", "+").replace("_", "/")}
    spellings = (spellings | {key[:-1] + neighbour}) - {key}
    await _lock(company, "root", network=STRANGER)

    for spelling in spellings:
        with pytest.raises(SignInRefused) as refused:
            await company.enter("root", network=STRANGER, device_key=spelling)
        assert refused.value.retry_after is not None
    assert (await company.enter("root", network=STRANGER, device_key=key)).tokens
