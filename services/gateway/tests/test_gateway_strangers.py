"""An office behind one address, and an attacker behind the same one (GW-13).

The first tests step a frozen clock through the limits of a process, with the defaults; the last one
sends fewer people through real sockets, with limits as many times smaller.
"""

import asyncio
import base64
import ipaddress
from collections import deque
from datetime import timedelta
from typing import Any

import grpc
import pytest
from gateway.config import LimitsSection, RateSection
from gateway.limits import Attempt, Limits, RateLimited
from plexus.directory.v1.directory_service_pb2 import GetPersonRequest
from plexus.directory.v1.directory_service_pb2_grpc import DirectoryServiceStub
from plexus.directory.v1.session_service_pb2 import (
    ListSignInOptionsRequest,
    RefreshSessionRequest,
    SignInRequest,
)
from plexus.directory.v1.session_service_pb2_grpc import SessionServiceStub
from plexus_testkit.clock import FrozenClock
from plexuskit.grpc import requirements

SESSIONS = "/plexus.directory.v1.SessionService"
SIGN_IN = requirements()[f"{SESSIONS}/SignIn"]
OPTIONS = requirements()[f"{SESSIONS}/ListSignInOptions"]
REFRESH = requirements()[f"{SESSIONS}/RefreshSession"]
BEGIN = requirements()[f"{SESSIONS}/BeginSingleSignOn"]
COMPLETE = requirements()[f"{SESSIONS}/CompleteSingleSignOn"]
READ = requirements()["/plexus.directory.v1.DirectoryService/GetPerson"]
OFFICE = "203.0.113.5:4711"
ELSEWHERE = "198.51.100.9:4711"
PEOPLE = 5_000


def refresh_token(session: int, secret: int = 0) -> str:
    family = session.to_bytes(16, "little")
    return base64.urlsafe_b64encode(family + secret.to_bytes(32, "little")).decode()


class Office:
    """People behind one address, whose calls take a while."""

    def __init__(self, limits: Limits, clock: FrozenClock, *, answered_after: int) -> None:
        self.limits = limits
        self._clock = clock
        self._answered_after = answered_after
        self._under_way: deque[tuple[Any, Attempt]] = deque()

    def call(
        self, method: Any, *, handle: str = "", refresh_token: str = "", good: bool = True
    ) -> None:
        """Begin a call; raises RateLimited. It succeeds after some further calls, if it is good."""
        attempt = self.limits.stranger(OFFICE)
        assert attempt is not None
        request: Any = method.request_class()
        if handle:
            request = SignInRequest(handle=handle, password="x")
        elif refresh_token:
            request = RefreshSessionRequest(refresh_token=refresh_token)
        if method.requirement.public:
            self.limits.named(method, request.SerializeToString())
        if good:
            self._under_way.append((method, attempt))
        if len(self._under_way) > self._answered_after:
            done, its = self._under_way.popleft()
            its.succeeded(done)

    def wait(self, seconds: float) -> None:
        self._clock.advance(timedelta(seconds=seconds))


@pytest.mark.rule("GW-13")
def test_gw_13_five_thousand_people_behind_one_address_sign_in_within_five_minutes(
    clock: FrozenClock,
) -> None:
    office = Office(Limits(LimitsSection(), clock=clock), clock, answered_after=100)

    for number in range(PEOPLE):
        office.call(OPTIONS)
        if number % 20 == 0:
            office.call(SIGN_IN, handle=f"per_{number}", good=False)
        office.call(SIGN_IN, handle=f"per_{number}")
        office.wait(300 / PEOPLE)


@pytest.mark.rule("GW-13")
def test_gw_13_five_thousand_people_come_back_by_single_sign_on_within_five_minutes(
    clock: FrozenClock,
) -> None:
    office = Office(Limits(LimitsSection(), clock=clock), clock, answered_after=50)

    for number in range(PEOPLE):
        office.call(BEGIN)
        if number > 500:
            office.call(COMPLETE)
        office.wait(300 / PEOPLE)


@pytest.mark.rule("GW-13")
def test_gw_13_five_thousand_people_behind_one_address_reconnect_within_two_minutes(
    clock: FrozenClock,
) -> None:
    office = Office(Limits(LimitsSection(), clock=clock), clock, answered_after=100)

    for number in range(PEOPLE):
        # Their tokens are not known to a gateway that has just started.
        office.call(READ)
        office.call(REFRESH, refresh_token=refresh_token(number))
        office.wait(120 / PEOPLE)


@pytest.mark.rule("GW-13")
def test_gw_13_a_session_that_is_refreshed_in_a_loop_is_slowed_down_and_no_other(
    clock: FrozenClock,
) -> None:
    office = Office(Limits(LimitsSection(), clock=clock), clock, answered_after=0)
    # A family whose base64 has characters that differ between the two alphabets.
    loop = int.from_bytes(b"\xfb\xff" * 8, "little")
    for secret in range(30):
        office.call(REFRESH, refresh_token=refresh_token(loop, secret))
    for token in (refresh_token(loop, 30), refresh_token(loop, 31).replace("_", "/")):
        assert set(token) & {"_", "/"}
        with pytest.raises(RateLimited) as refused:
            office.call(REFRESH, refresh_token=token)
        assert refused.value.metadata["limit"] == "refresh"
    office.call(REFRESH, refresh_token=refresh_token(2))
    office.wait(5)
    office.call(REFRESH, refresh_token=refresh_token(loop, 32))


@pytest.mark.rule("GW-13")
def test_gw_13_a_stranger_who_asks_how_to_sign_in_all_the_time_is_slowed_down(
    clock: FrozenClock,
) -> None:
    section = LimitsSection(company_networks=["203.0.114.0/24"])
    limits = Limits(section, clock=clock)
    question = ListSignInOptionsRequest().SerializeToString()

    def ask(peer: str) -> None:
        attempt = limits.stranger(peer)
        assert attempt is not None
        limits.named(OPTIONS, question)
        attempt.succeeded(OPTIONS)

    for _ in range(1000):
        ask(OFFICE)
    with pytest.raises(RateLimited) as refused:
        ask(OFFICE)
    assert refused.value.metadata["limit"] == "options"
    for _ in range(20_000):
        ask("203.0.114.5:4711")
    clock.advance(timedelta(milliseconds=10))
    ask(OFFICE)


@pytest.mark.rule("GW-13")
def test_gw_13_who_guesses_is_refused_and_nobody_at_another_address_with_them(
    clock: FrozenClock,
) -> None:
    limits = Limits(LimitsSection(), clock=clock)
    for _ in range(200):
        limits.stranger(OFFICE)
    with pytest.raises(RateLimited) as refused:
        limits.stranger(OFFICE)

    assert refused.value.metadata["limit"] == "address"
    limits.stranger(ELSEWHERE)


@pytest.mark.rule("GW-13")
def test_gw_13_a_company_network_has_a_higher_allowance(clock: FrozenClock) -> None:
    section = LimitsSection(
        company_networks=(ipaddress.ip_network("203.0.113.0/29"),), company_allowance=3
    )
    limits = Limits(section, clock=clock)
    for _ in range(600):
        limits.stranger(OFFICE)
    with pytest.raises(RateLimited):
        limits.stranger(OFFICE)
    for _ in range(200):
        limits.stranger(ELSEWHERE)
    with pytest.raises(RateLimited):
        limits.stranger(ELSEWHERE)


@pytest.mark.rule("GW-13")
def test_gw_13_a_stranger_does_not_lock_out_the_owner_of_a_handle(clock: FrozenClock) -> None:
    limits = Limits(LimitsSection(), clock=clock)
    wrong = SignInRequest(handle="ann", password="guess").SerializeToString()
    for _ in range(10):
        limits.stranger(ELSEWHERE)
        limits.named(SIGN_IN, wrong)
    limits.stranger(ELSEWHERE)
    with pytest.raises(RateLimited) as refused:
        limits.named(SIGN_IN, wrong)

    assert refused.value.metadata["limit"] == "handle"
    limits.stranger(OFFICE)
    limits.named(SIGN_IN, wrong)


class TestScaled:
    """A fiftieth of the people and of the limits, through real sockets."""

    @pytest.fixture
    def limits_section(self) -> LimitsSection:
        return LimitsSection(address=RateSection(per_second=0.4, burst=8))

    @pytest.mark.rule("GW-13")
    async def test_gw_13_people_behind_one_address_sign_in_and_reconnect(
        self, running: Any
    ) -> None:
        sessions: Any = SessionServiceStub(running.channel)
        directory: Any = DirectoryServiceStub(running.channel)
        turns = asyncio.Semaphore(4)

        async def arrive(number: int) -> None:
            async with turns:
                await sessions.SignIn(
                    SignInRequest(handle=f"per_{number}", password="right"), timeout=10
                )
                bearer = running.bearer(sub=f"per_{number}", jti=f"per_{number}")
                for _ in range(3):
                    await directory.GetPerson(
                        GetPersonRequest(person_id="x"), metadata=bearer, timeout=10
                    )

        await asyncio.gather(*(arrive(number) for number in range(PEOPLE // 50)))

        # A guessing client must wait after the burst.
        codes = []
        for number in range(9):
            call = sessions.SignIn(SignInRequest(handle=f"x{number}", password="wrong"), timeout=10)
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call
            codes.append(caught.value.code())
        assert codes[0] is grpc.StatusCode.UNAUTHENTICATED
        assert codes[-1] is grpc.StatusCode.RESOURCE_EXHAUSTED
