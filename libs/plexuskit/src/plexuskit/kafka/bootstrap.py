"""Fix for aiokafka: close the connections of a start that is cancelled.

A client requests the cluster's metadata from the first broker it reaches, over a connection held
only by a local variable (aiokafka 0.14, `AIOKafkaClient.bootstrap`). If the caller is cancelled
before the response, the connection is not closed: the socket stays open until it is garbage
collected, and the loop logs an error on which no operator can act.
"""

import asyncio
from typing import Any, Final

from aiokafka import client
from aiokafka.client import AIOKafkaClient
from aiokafka.conn import AIOKafkaConnection

_bootstrap: Final = AIOKafkaClient.bootstrap
_connect: Final = client.create_conn

_made: Final[dict["asyncio.Task[Any] | None", list[AIOKafkaConnection]]] = {}
"""Connections that each bootstrapping task has made so far."""


def install() -> None:
    """Make every client of this process close the connections of a failed bootstrap."""
    AIOKafkaClient.bootstrap = _bootstrap_or_close
    client.create_conn = _connect_for_task


async def _bootstrap_or_close(starting: AIOKafkaClient) -> None:
    task = asyncio.current_task()
    made = _made[task] = []
    try:
        await _bootstrap(starting)
    except BaseException:
        for connection in made:
            connection.close()
        raise
    finally:
        del _made[task]


async def _connect_for_task(*args: Any, **kwargs: Any) -> AIOKafkaConnection:
    connection = await _connect(*args, **kwargs)
    if (made := _made.get(asyncio.current_task())) is not None:
        made.append(connection)
    return connection
