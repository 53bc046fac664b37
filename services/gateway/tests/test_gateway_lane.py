"""The thread for JSON: turns of people, their cost, and callers who leave (GW-13)."""

import asyncio
import threading
from datetime import UTC, datetime, timedelta

import pytest
from gateway.config import LimitsSection, RateSection
from gateway.connect.json import VALUES_OF_A_CALL, Converter
from gateway.connect.lane import Lane
from gateway.identity import Identity
from gateway.limits import Limits, RateLimited
from plexus_testkit.clock import FrozenClock
from plexus_testkit.wait import eventually
from plexuskit.grpc import requirements

DRAFT = requirements()["/plexus.messaging.v1.PersonalService/SaveDraft"]


def person(name: str) -> Identity:
    return Identity(
        tenant_id="ten_acme",
        person_id=name,
        session_id="ses_1",
        token_id="tok_1",
        roles=frozenset({"member"}),
        expires_at=datetime.now(UTC) + timedelta(minutes=15),
    )


@pytest.mark.rule("GW-13")
async def test_gw_13_who_asks_for_much_waits_for_themselves_and_others_go_in_between() -> None:
    lane, order, held = Lane("test"), list[str](), threading.Event()

    async def ask(who: str, what: str) -> None:
        await lane.run(who, order.append, what)

    first = asyncio.create_task(lane.run("eve", held.wait))
    await asyncio.sleep(0)
    flood = [asyncio.create_task(ask("eve", f"eve {number}")) for number in range(20)]
    await asyncio.sleep(0)
    others = [asyncio.create_task(ask(who, who)) for who in ("ann", "bob")]
    await asyncio.sleep(0)
    flood[3].cancel()
    held.set()
    await asyncio.gather(first, *flood, *others, return_exceptions=True)
    lane.close()

    assert order[:4] == ["eve 0", "ann", "bob", "eve 1"]
    assert order[4:] == [f"eve {number}" for number in range(2, 20) if number != 3]


async def test_a_failure_is_its_callers_and_the_lane_goes_on() -> None:
    lane = Lane("test")
    with pytest.raises(ValueError, match="invalid literal"):
        await lane.run("ann", int, "x")
    held = threading.Event()
    left = asyncio.create_task(lane.run("ann", held.wait))
    await asyncio.sleep(0)
    left.cancel()
    held.set()
    assert await lane.run("bob", int, "7") == 7
    await eventually(left.done)
    lane.close()


@pytest.mark.rule("GW-13")
async def test_gw_13_values_are_counted_for_the_rate_before_they_are_read(
    clock: FrozenClock,
) -> None:
    converter, charged = Converter(), list[int]()
    body = b'{"mentions":[' + b",".join([b'{"all":true}'] * 2_000) + b"]}"
    await converter.to_bytes(body, DRAFT, who="ann", charge=charged.append)
    await converter.to_bytes(b"{}", DRAFT, who="ann", charge=charged.append)
    converter.close()
    assert charged == [4_002 // VALUES_OF_A_CALL, 0]

    rate = RateSection(per_second=1, burst=10)
    limits = Limits(LimitsSection(person_read=rate), clock=clock)
    limits.rate(DRAFT, person("ann"))
    limits.charge(DRAFT, person("ann"), 500)
    limits.charge(DRAFT, person("ann"), 500)
    with pytest.raises(RateLimited) as refused:
        limits.rate(DRAFT, person("ann"))
    # No more than a bucket is owed.
    assert refused.value.retry_after is not None
    assert 10 <= refused.value.retry_after.total_seconds() < 11.1
    limits.rate(DRAFT, person("bob"))
    clock.advance(refused.value.retry_after)
    limits.rate(DRAFT, person("ann"))
