"""The process as it is deployed: `python -m gateway` before a directory that comes late."""

import asyncio
import json
import os
import signal
import struct
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from plexus.authz.v1 import authority_pb2
from plexus.authz.v1.authority_pb2_grpc import (
    AuthorityServicer,
    add_AuthorityServicer_to_server,
)
from plexus.directory.v1.directory_service_pb2 import GetPersonRequest
from plexus.directory.v1.directory_service_pb2_grpc import (
    DirectoryServiceStub,
    add_DirectoryServiceServicer_to_server,
)
from plexus.directory.v1.events_pb2 import SessionRevoked
from plexus.directory.v1.session_service_pb2_grpc import add_SessionServiceServicer_to_server
from plexus.messaging.v1.log_service_pb2 import AppendResponse, AppendVerdict
from plexus.messaging.v1.log_service_pb2_grpc import (
    LogServiceServicer,
    add_LogServiceServicer_to_server,
)
from plexus_local.servers.ports import free_ports
from plexus_testkit.variables import kafka_variables
from plexus_testkit.wait import eventually
from plexuskit.clock import SystemClock
from plexuskit.config import GrpcSection
from plexuskit.grpc import CallerVerifier, open_channel, serve
from plexuskit.kafka import producer
from plexuskit.outbox import envelope
from plexuskit.service import Runtime

SUBSCRIBE = "/plexus.gateway.v1.SessionService/Subscribe"
END_OF_STREAM = 0b10


class Messaging(AuthorityServicer, LogServiceServicer):
    """Messaging without any conversation: no one may read anything, nothing is sent."""

    async def Append(self, request_iterator: Any, context: Any) -> Any:  # noqa: ARG002, N802 - the contract
        # Every item has a verdict; a gateway probes the stream with an item without a sender.
        async for request in request_iterator:
            yield AppendResponse(verdicts=[AppendVerdict(ref=item.ref) for item in request.items])

    async def Snapshot(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - the contract
        yield authority_pb2.SnapshotResponse()

    async def ReadableContainers(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - the contract
        return authority_pb2.ReadableContainersResponse(version="1")


@asynccontextmanager
async def _owner(name: str, port: int, servicers: Any, keys: Any) -> AsyncIterator[None]:
    runtime = Runtime(service=name)
    try:
        async with serve(
            GrpcSection(port=port, drain_seconds=0.2),
            service=name,
            servicers=servicers,
            verifier=CallerVerifier(keys, name),
            runtime=runtime,
        ):
            yield
    finally:
        await runtime.close()


async def _frames(response: aiohttp.ClientResponse) -> AsyncIterator[tuple[int, dict[str, Any]]]:
    while True:
        flags, length = struct.unpack(">BI", await response.content.readexactly(5))
        yield flags, json.loads(await response.content.readexactly(length))
        if flags & END_OF_STREAM:
            return


@pytest.fixture
async def ports() -> dict[str, int]:
    names = ("grpc", "http", "ops", "directory", "messaging", "nobody")
    return dict(zip(names, free_ports(len(names)), strict=True))


@pytest.fixture
async def process(ports, kafka_section_of, kafka_topics, caller_keys_of, tmp_path):
    """The gateway as a child process; its log is the test's own."""
    await kafka_topics()
    settings = {
        "GRPC__PORT": ports["grpc"],
        "HTTP__PORT": ports["http"],
        "OPS__PORT": ports["ops"],
        "CALLER__KEYS_FILE": caller_keys_of("gateway").keys_file,
        "PEERS__DIRECTORY": f"127.0.0.1:{ports['directory']}",
        "PEERS__MESSAGING": f"127.0.0.1:{ports['messaging']}",
        "PEERS__TASKS": f"127.0.0.1:{ports['nobody']}",
        "PEERS__NOTIFY": f"127.0.0.1:{ports['nobody']}",
        "PEERS__SEARCH": f"127.0.0.1:{ports['nobody']}",
        "PEERS__AUDIT": f"127.0.0.1:{ports['nobody']}",
    }
    with (tmp_path / "gateway.log").open("wb") as output:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "gateway",
            env=os.environ
            | kafka_variables("gateway", kafka_section_of("gateway"))
            | {f"GATEWAY_{name}": str(value) for name, value in settings.items()},
            stdout=output,
            stderr=output,
        )
    yield child
    if child.returncode is None:
        child.kill()
        await child.wait()


async def test_gw_01_gw_04_a_gateway_process_from_start_to_stop(
    process, ports, issuer, caller_keys_of, kafka_section, directory_owner
):
    clock, messaging = SystemClock(), Messaging()
    bearer = {"authorization": f"Bearer {issuer.token()}"}
    people = [
        (add_DirectoryServiceServicer_to_server, directory_owner),
        (add_SessionServiceServicer_to_server, directory_owner),
        (add_AuthorityServicer_to_server, messaging),
    ]
    async with aiohttp.ClientSession() as http:

        async def failing() -> tuple[int, list[str], list[str]]:
            async with http.get(f"http://127.0.0.1:{ports['ops']}/readyz") as answer:
                body = await answer.json()
            required, other = (
                [check["check"] for check in body[which]] for which in ("failing", "degraded")
            )
            return answer.status, required, other

        async def waits_for_keys() -> bool:
            return (await failing())[:2] == (503, ["access", "signing_keys"])

        async def is_whole() -> bool:
            # The tasks service is not running: it decides alone once it starts.
            return await failing() == (200, [], ["access.tasks"])

        # Without directory's keys no call could be authenticated.
        await eventually(waits_for_keys, within=30)
        async with (
            _owner("directory", ports["directory"], people, caller_keys_of("directory")),
            _owner(
                "messaging",
                ports["messaging"],
                [
                    (add_AuthorityServicer_to_server, messaging),
                    (add_LogServiceServicer_to_server, messaging),
                ],
                caller_keys_of("messaging"),
            ),
            open_channel(f"127.0.0.1:{ports['grpc']}") as channel,
            producer(kafka_section) as kafka,
        ):
            await eventually(is_whole, within=30)
            response = await DirectoryServiceStub(channel).GetPerson(
                GetPersonRequest(person_id="per_bob"), metadata=tuple(bearer.items())
            )
            assert response.person.id == "per_bob"

            stay = {"authorization": f"Bearer {issuer.token(sid='ses_2', jti='jti_2')}"}
            base = f"http://127.0.0.1:{ports['http']}"
            body = struct.pack(">BI", 0, 2) + b"{}"
            kind = {"content-type": "application/connect+json"}
            async with (
                http.post(base + SUBSCRIBE, data=body, headers=bearer | kind) as ending,
                http.post(base + SUBSCRIBE, data=body, headers=stay | kind) as staying,
            ):
                ending_frames, staying_frames = _frames(ending), _frames(staying)
                for frames in (ending_frames, staying_frames):
                    _, welcome = await anext(frames)
                    assert "welcome" in welcome["frames"][0]

                revoked = envelope(
                    fact=SessionRevoked(session_id="ses_ann", person_id="per_ann"),
                    tenant_id="ten_acme",
                    scope="per_ann",
                    change_no=1,
                    entity_id="ses_ann",
                    entity_version=1,
                    actor_id="per_ann",
                    now=clock.now(),
                ).SerializeToString()
                await kafka.send_batch([("directory.person.v1", "per_ann", revoked, {})])
                async with asyncio.timeout(60):
                    flags, end = await anext(ending_frames)
                assert flags & END_OF_STREAM
                assert end["error"]["code"] == "unauthenticated"

                process.send_signal(signal.SIGTERM)
                async with asyncio.timeout(60):
                    _, drain = await anext(staying_frames)
                assert "drain" in drain["frames"][0]
            async with asyncio.timeout(60):
                assert await process.wait() == 0
