"""Sessions that are refreshed all the time cannot keep anyone from ending them (GW-4, GW-13)."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from directory.accounts.domain.refusals import RefreshRefused
from directory.people.domain.people import Person

from ..shut_out_support import deactivate, revoke_all, set_password

PASSWORD = "correct horse"
SESSIONS = 12


SHUT_OUT = pytest.mark.parametrize("shut_out", [deactivate, set_password, revoke_all])


@pytest.mark.rule("GW-4")
@SHUT_OUT
async def test_gw_04_whoever_refreshes_in_a_loop_is_shut_out(
    company: Any, shut_out: Callable[[Any, Person], Awaitable[object]]
) -> None:
    person = await company.hire("li", password=PASSWORD)
    tokens = [await company.sign_in("li") for _ in range(SESSIONS)]
    refreshed = asyncio.Semaphore(0)

    async def refresh_on(refresh_token: str) -> None:
        while True:
            refresh_token = (await company.refresh(refresh_token)).refresh_token
            refreshed.release()

    restless = [asyncio.create_task(refresh_on(each.refresh_token)) for each in tokens]
    for _ in range(2 * SESSIONS):
        await refreshed.acquire()
    await shut_out(company, person)
    ends = await asyncio.wait_for(asyncio.gather(*restless, return_exceptions=True), 30)
    assert [type(each) for each in ends] == [RefreshRefused] * SESSIONS


@pytest.mark.rule("GW-4")
@SHUT_OUT
async def test_gw_04_a_refresh_beside_the_end_of_its_session_gives_no_tokens(
    company: Any,
    monkeypatch: pytest.MonkeyPatch,
    shut_out: Callable[[Any, Person], Awaitable[object]],
) -> None:
    person = await company.hire("li", password=PASSWORD)
    tokens = await company.sign_in("li")
    save_many = company.store.sessions.save_many
    written, ended = asyncio.Event(), asyncio.Event()

    async def save_and_wait(*args: Any, **options: Any) -> None:
        await save_many(*args, **options)
        written.set()
        await ended.wait()

    monkeypatch.setattr(company.store.sessions, "save_many", save_and_wait)
    refreshing = asyncio.create_task(company.refresh(tokens.refresh_token))
    await written.wait()
    monkeypatch.setattr(company.store.sessions, "save_many", save_many)
    # It commits although the refresh holds its session; the session's fact follows.
    await shut_out(company, person)
    ended.set()
    with pytest.raises(RefreshRefused):
        await refreshing
