"""A client whose start is cancelled leaves no connection to a broker behind."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import pytest
from aiokafka.conn import AIOKafkaConnection
from plexuskit.config import KafkaSection
from plexuskit.kafka.clients import admin, reader

REQUESTS = 8
"""More requests than a client sends before it has started."""


@pytest.mark.parametrize("connect", [admin, reader], ids=["admin", "reader"])
@pytest.mark.parametrize("request_number", range(1, REQUESTS + 1))
async def test_a_cancelled_start_closes_its_connections(
    connect: Callable[[KafkaSection], AbstractAsyncContextManager[object]],
    request_number: int,
    kafka_section: KafkaSection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connections: list[AIOKafkaConnection] = []
    sent = 0
    send, start = AIOKafkaConnection.send, AIOKafkaConnection.connect

    async def started() -> None:
        async with connect(kafka_section):
            pass

    def sending(
        connection: AIOKafkaConnection, *args: object, **kwargs: object
    ) -> Awaitable[object]:
        nonlocal sent
        sent += 1
        if sent == request_number:
            starting.cancel()
        return send(connection, *args, **kwargs)

    async def connecting(connection: AIOKafkaConnection) -> object:
        connections.append(connection)
        return await start(connection)

    monkeypatch.setattr(AIOKafkaConnection, "send", sending)
    monkeypatch.setattr(AIOKafkaConnection, "connect", connecting)
    starting = asyncio.create_task(started())
    await asyncio.wait([starting])

    assert connections
    assert [each for each in connections if each.connected()] == []
