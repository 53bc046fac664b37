"""Spent refresh tokens that get new tokens again: each time on record (GW-7)."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from directory.accounts import queries
from directory.accounts.domain.refusals import RefreshReused
from plexus.event.v1.envelope_pb2 import Envelope

Facts = Callable[[], Awaitable[list[Envelope]]]


@pytest.mark.rule("GW-7")
async def test_gw_07_every_repeat_of_a_spent_token_is_a_fact_until_a_successor_is_used(
    company: Any, facts: Facts
) -> None:
    async def repeated() -> list[str]:
        return [each.entity_id for each in await facts() if each.type.endswith("RefreshRepeated")]

    tokens = await company.sign_in("root")
    await company.refresh(tokens.refresh_token)
    assert await repeated() == []
    for count in (1, 2):
        company.clock.advance(timedelta(minutes=2))
        following = await company.refresh(tokens.refresh_token)
        assert await repeated() == [tokens.session_id] * count
    await company.refresh(following.refresh_token)
    with pytest.raises(RefreshReused):
        await company.refresh(tokens.refresh_token)
    assert await repeated() == [tokens.session_id] * 2
    assert await queries.find_ended_sessions(
        company.store, session_ids=[tokens.session_id], now=company.now
    ) == [tokens.session_id]
