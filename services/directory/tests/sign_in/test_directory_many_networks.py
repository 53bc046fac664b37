"""Guesses at one handle from many networks: their number, and people who can still sign in."""

from datetime import timedelta
from typing import Any

import pytest
from directory.accounts.domain.passwords import FREE_FAILURES, MAX_LOCK
from directory.accounts.domain.spread import MAX_NETWORKS
from directory.sign_in.domain.refusals import SignInRefused
from plexus_testkit.commands import StoreCommands
from plexuskit.mongo import Database

pytestmark = pytest.mark.rule("GW-13")

PASSWORD = "correct horse"
HOME = "192.0.2.7/32"
ELSEWHERE = "198.51.100.7/32"


def networks(count: int) -> list[str]:
    return [f"203.0.{number // 256}.{number % 256}/32" for number in range(count)]


async def guess(company: Any, handle: str, network: str) -> timedelta | None:
    """Guess wrongly; return the time to wait in the response."""
    with pytest.raises(SignInRefused) as refused:
        await company.enter(handle, "wrong password", network=network)
    return refused.value.retry_after


async def guess_from_many(company: Any, handle: str, count: int) -> list[timedelta | None]:
    return [await guess(company, handle, network) for network in networks(count)]


async def test_gw_13_many_networks_get_as_many_guesses_as_a_few(company: Any, db: Database) -> None:
    await guess_from_many(company, "root", 60)

    looked_at = await looked_at_in(db)
    # Each of the first ones records its network; later ones share the count of one network.
    assert looked_at == MAX_NETWORKS + FREE_FAILURES


async def looked_at_in(db: Database) -> int:
    """Count the wrong passwords that were compared with the right one."""
    found = await db.collection("failed_sign_ins", schema_version=1).find_all({})
    return sum(each["attempts"] for each in found)


async def test_gw_13_over_a_day_many_networks_get_no_more_than_one_would(
    company: Any, db: Database
) -> None:
    for _ in range(24):
        for network in networks(25):
            await guess(company, "root", network)
        company.clock.advance(timedelta(hours=1))

    looked_at = await looked_at_in(db)
    assert looked_at <= MAX_NETWORKS + FREE_FAILURES + 24


async def test_gw_13_the_owners_device_signs_in_whatever_strangers_do(company: Any) -> None:
    key = (await company.enter("root", network=HOME)).device_key
    for _ in range(3):
        await guess_from_many(company, "root", 30)
        company.clock.advance(MAX_LOCK)

        assert (await company.enter("root", network=ELSEWHERE, device_key=key)).tokens
        assert (await company.enter("root", network=HOME, device_key=key)).tokens


async def test_gw_13_a_new_device_waits_as_long_as_it_is_told_and_then_signs_in(
    company: Any,
) -> None:
    await guess_from_many(company, "root", 30)
    with pytest.raises(SignInRefused) as refused:
        await company.enter("root", network=ELSEWHERE)
    assert refused.value.retry_after is not None
    assert refused.value.retry_after <= MAX_LOCK

    company.clock.advance(refused.value.retry_after)

    assert (await company.enter("root", network=ELSEWHERE)).tokens


async def test_gw_13_networks_from_which_the_owner_signs_in_do_not_count(company: Any) -> None:
    for network in networks(3 * MAX_NETWORKS):
        assert (await company.enter("root", network=network)).tokens
    for network in networks(3 * MAX_NETWORKS):
        await guess(company, "root", network)
        assert (await company.enter("root", network=network)).tokens


async def test_gw_13_handles_of_others_are_not_affected(company: Any) -> None:
    await company.hire("li", password=PASSWORD)
    await guess_from_many(company, "root", 30)

    assert (await company.enter("li", network=networks(1)[0])).tokens


@pytest.mark.rule("GW-2")
async def test_gw_02_a_handle_that_nobody_has_is_locked_in_the_same_way(company: Any) -> None:
    answers = {handle: await guess_from_many(company, handle, 30) for handle in ("root", "none")}

    assert answers["root"] == answers["none"]
    assert answers["root"][-1] is not None


@pytest.mark.rule("GW-2")
@pytest.mark.parametrize("device_key", ["", "AAAA" * 20])
async def test_gw_02_a_locked_handle_is_refused_by_the_same_reads_whether_there_is_one(
    company: Any, commands: StoreCommands, device_key: str
) -> None:
    for handle in ("root", "none"):
        for _ in range(FREE_FAILURES):
            await guess(company, handle, HOME)

    asked = {
        handle: await commands.of(
            lambda handle=handle: company.enter(handle, network=HOME, device_key=device_key),
            without={handle: "the handle"},
        )
        for handle in ("root", "none")
    }

    shapes = {handle: [_shape(command) for command in asked[handle]] for handle in asked}
    assert shapes["root"] == shapes["none"]
    read = {collection for _, collection in shapes["root"]}
    assert "credentials" not in read
    assert ("people" in read) == bool(device_key)


def _shape(command: dict[str, Any]) -> tuple[str, Any]:
    name = next(iter(command))
    return name, command[name]
