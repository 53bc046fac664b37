"""A repair of aiokafka: a start that is cancelled closes the connections it has made.

A client asks the first broker it reaches for the metadata of the cluster, over a connection that
only a local variable knows (aiokafka 0.14, `AIOKafkaClient.bootstrap`). If the caller is cancelled
before the answer, nobody closes that connection: the socket stays open until it is collected as
garbage, and the loop is told of an error that no operator can do anything about.
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
    """Make every client of this process close what a bootstrap that fails has connected."""
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
