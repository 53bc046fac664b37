"""When the policies of an open stream are decided, and when they are not (GW-10)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from unittest.mock import Mock

import pytest
from gateway.access import Access, Projection
from gateway.config import LimitsSection
from gateway.identity import Identity
from gateway.live.send_buffer import Bounds, SendBuffer, Ticker
from gateway.live.visibility import Listener, Listeners, Visibility
from plexus.gateway.v1.session_service_pb2 import SessionResponse
from plexus_testkit import FrozenClock
from plexus_testkit.companies import Company

TENANT = "ten_a"
ROOM = "cnv_1"
MONDAY_10 = datetime(2036, 3, 3, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai
HEAD = 'forbid(principal, action == Plexus::Action::"messages.read", resource)'
WITHOUT_FACTOR = f"{HEAD} when {{ !context.second_factor }};"
AFTER_TEN = f"{HEAD} when {{ context.minute >= 601 }};"


class Desk:
    """A person's streams on a replica that a company feeds."""

    def __init__(self) -> None:
        self.clock = FrozenClock(MONDAY_10)
        self.company = Company(self.clock)
        self.projection = Projection()
        self.access = Access(
            self.projection,
            messaging=Mock(),
            tasks=Mock(),
            limits=LimitsSection(),
            clock=self.clock,
        )
        self.visibility = Visibility(self.access, clock=self.clock)
        self.listeners = Listeners()
        self._ticker = Ticker(max_linger=0)
        self.projection.take([self.company.person(TENANT, "per_ann", time_zone="Asia/Shanghai")])

    def stream(self, **fields: object) -> Listener:
        said = Identity(
            tenant_id=TENANT,
            person_id="per_ann",
            session_id="ses_1",
            roles=frozenset({"member"}),
            expires_at=MONDAY_10 + timedelta(days=1),
            token_id="t",
        )
        send_buffer = SendBuffer(bounds=Bounds(frames=100, bytes=100_000), ticker=self._ticker)
        listener = Listener(send_buffer, replace(said, **fields))
        self.visibility.admit(listener, self.listeners)
        return listener

    def policy(self, cedar: str, *, removed: bool = False) -> None:
        self.projection.take([self.company.policy(TENANT, "rule", cedar, removed=removed)])
        self.visibility.review(TENANT, self.listeners)

    def readers(self) -> list[SendBuffer]:
        return self.visibility.readers(self.listeners, ROOM, 7)


async def frames(listener: Listener) -> list[str]:
    found = []
    while listener.send_buffer.waiting_bytes:
        response = SessionResponse.FromString(await listener.send_buffer.take())
        found += [str(frame.WhichOneof("frame")) for frame in response.frames]
    return found


@pytest.fixture
async def desk() -> Desk:
    return Desk()


async def test_gw_10_without_a_policy_no_stream_has_a_gate(desk: Desk) -> None:
    listener = desk.stream()

    assert desk.listeners.gate is None
    assert desk.readers() == [listener.send_buffer]
    desk.policy('forbid(principal, action == Plexus::Action::"messages.send", resource);')
    assert desk.listeners.gate is None


@pytest.mark.rule("GW-10")
async def test_gw_10_a_second_factor_given_later_opens_what_was_closed(desk: Desk) -> None:
    weak, strong = desk.stream(), desk.stream(second_factor=True)
    desk.policy(WITHOUT_FACTOR)

    assert desk.readers() == desk.readers() == [strong.send_buffer]
    assert await frames(weak) == ["conversation_closed"]

    renewed = replace(weak.identity, second_factor=True)
    desk.visibility.renew(weak, desk.listeners, renewed)

    assert desk.readers() == [weak.send_buffer, strong.send_buffer]
    assert await frames(weak) == ["resync"]


@pytest.mark.rule("GW-10")
async def test_gw_10_a_verdict_is_kept_until_something_changes(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = desk.stream(), desk.stream()
    desk.policy(WITHOUT_FACTOR)
    may, asked = desk.access.may, []
    monkeypatch.setattr(desk.access, "may", lambda *of: asked.append(of) or may(*of))

    for _ in range(100):
        assert desk.readers() == []
    assert len(asked) == 1, "two streams of one kind, a hundred events"

    desk.clock.advance(timedelta(hours=1))
    desk.readers()
    assert len(asked) == 1, "no policy reads the time"
    desk.policy(WITHOUT_FACTOR, removed=True)
    assert desk.readers() == [first.send_buffer, second.send_buffer]


@pytest.mark.rule("GW-10")
async def test_gw_10_a_policy_on_time_is_decided_anew_at_each_minute(desk: Desk) -> None:
    listener = desk.stream()
    desk.policy(AFTER_TEN)

    assert desk.readers() == [listener.send_buffer]
    desk.clock.advance(timedelta(seconds=59))
    assert desk.readers() == [listener.send_buffer]
    desk.clock.advance(timedelta(seconds=1))
    assert desk.readers() == []
    assert await frames(listener) == ["conversation_closed"]


@pytest.mark.rule("GW-10")
async def test_gw_10_a_stream_of_a_person_whom_nobody_knows_reads_nothing_that_is_policed(
    desk: Desk,
) -> None:
    desk.policy(WITHOUT_FACTOR)
    stranger = desk.stream(person_id="per_new", second_factor=True)

    assert desk.readers() == []
    assert await frames(stranger) == ["conversation_closed"]
