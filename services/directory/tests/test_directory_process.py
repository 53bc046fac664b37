"""The real process with both roles: serving, publishing, and no secret in its log."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from plexus.authz.v1.caller_pb2 import CallerContext
from plexus.directory.v1 import directory_service_pb2 as pb
from plexus.directory.v1 import people_pb2
from plexus.directory.v1 import session_service_pb2 as sessions
from plexus.directory.v1.directory_service_pb2_grpc import DirectoryServiceStub
from plexus.directory.v1.session_service_pb2_grpc import SessionServiceStub
from plexus_local.servers.mongo import drop_database
from plexus_testkit import eventually
from plexus_testkit.variables import kafka_variables
from plexuskit.clock import SystemClock
from plexuskit.config import CallerSection, KafkaSection, MongoSection
from plexuskit.grpc import METADATA_KEY, CallerSigner, CallerTokens, open_channel
from plexuskit.kafka import tail
from plexuskit.mongo import Database, connect

SECRET = "bootstrap secret of the process"


@dataclass
class Process:
    """A running directory and everything it has written so far."""

    child: asyncio.subprocess.Process
    log: Path
    environment: dict[str, str]

    def entries(self) -> list[dict]:
        lines = self.log.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def port(self) -> int:
        return next((e["port"] for e in self.entries() if e.get("event") == "grpc.serving"), 0)


def environment(
    tmp_path: Path,
    mongo_url: str,
    name: str,
    kafka_section: KafkaSection,
    keys: Callable[[str], CallerSection],
) -> dict[str, str]:
    settings = {
        "MONGO__URL": mongo_url,
        "MONGO__DATABASE": name,
        "GRPC__PORT": "0",
        "CALLER__KEYS_FILE": str(keys("directory").keys_file),
        "TOKENS__KEYS_FILE": str(tmp_path / "signing.json"),
        "TELEMETRY__LOG_LEVEL": "DEBUG",
        "BOOTSTRAP__SECRET": SECRET,
        "PASSWORDS__MEMORY_KIB": "1024",
        "UPKEEP__EVERY_SECONDS": "0.2",
    }
    inherited = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    own = {f"DIRECTORY_{key}": value for key, value in settings.items()}
    return inherited | own | kafka_variables("directory", kafka_section)


@pytest.fixture
async def db(mongo_url: str, unique_name: str) -> AsyncIterator[Database]:
    """A database of the process's own, with nothing made in it yet."""
    try:
        async with connect(MongoSection(url=mongo_url, database=unique_name)) as database:
            yield database
    finally:
        drop_database(mongo_url, unique_name)


@pytest.fixture
async def process(
    tmp_path: Path,
    db: Database,
    mongo_url: str,
    unique_name: str,
    kafka_section_of: Callable[[str], KafkaSection],
    kafka_topics: Callable[..., Awaitable[object]],
    caller_keys_of: Callable[[str], CallerSection],
) -> AsyncIterator[Process]:
    await kafka_topics(
        "directory.person.v1",
        "directory.department.v1",
        "directory.group.v1",
        "directory.account.v1",
    )
    log = tmp_path / "log"
    env = environment(
        tmp_path, mongo_url, unique_name, kafka_section_of("directory"), caller_keys_of
    )
    command = (sys.executable, "-m", "directory")
    provisioned = await asyncio.create_subprocess_exec(*command, "--provision", env=env)
    assert await provisioned.wait() == 0
    assert "outbox" in await db.collection_names()

    with log.open("w") as output:
        child = await asyncio.create_subprocess_exec(
            *command, env=env, stdout=output, stderr=asyncio.subprocess.STDOUT
        )
    running = Process(child, log, env)
    try:
        await eventually(running.port, within=30)
        yield running
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


@pytest.fixture
async def channel(process: Process) -> AsyncIterator[grpc.aio.Channel]:
    async with open_channel(f"127.0.0.1:{process.port()}") as opened:
        yield opened


async def test_msg_4_facts_reach_kafka_and_no_secret_reaches_the_log(
    process: Process,
    channel: grpc.aio.Channel,
    kafka_section: KafkaSection,
    caller_keys_of: Callable[[str], CallerSection],
) -> None:
    signer = CallerSigner(caller_keys_of("gateway"))

    def signed(**context: object) -> dict:
        tokens = CallerTokens(signer, CallerContext(**context), clock=SystemClock())
        return {"metadata": ((METADATA_KEY, tokens.for_audience("directory")),)}

    anonymous = signed(kind=CallerContext.KIND_ANONYMOUS)
    stub, directory = SessionServiceStub(channel), DirectoryServiceStub(channel)
    secrets = {"correct horse", "a wrong guess", "another one", "of the import", SECRET}

    async with tail(kafka_section, ["directory.person.v1"]) as records:
        setup = await stub.InitTenant(
            sessions.InitTenantRequest(
                tenant_name="北方贸易",
                admin_handle="root",
                admin_password="correct horse",
                time_zone="Asia/Shanghai",
                bootstrap_secret=SECRET,
            ),
            **anonymous,
        )
        with pytest.raises(grpc.aio.AioRpcError):
            await stub.SignIn(
                sessions.SignInRequest(handle="root", password="a wrong guess"), **anonymous
            )
        first = await stub.SignIn(
            sessions.SignInRequest(handle="root", password="correct horse"), **anonymous
        )
        second = await stub.RefreshSession(
            sessions.RefreshSessionRequest(refresh_token=first.tokens.refresh_token), **anonymous
        )
        third = await stub.RefreshSession(
            sessions.RefreshSessionRequest(refresh_token=second.tokens.refresh_token), **anonymous
        )
        me = signed(
            kind=CallerContext.KIND_PERSON,
            tenant_id=setup.tenant.id,
            person_id=setup.admin.id,
            session_id=first.tokens.session_id,
            roles=setup.admin.roles,
        )
        imported = pb.ImportedPerson(external_id="hr:1", handle="li", password="of the import")
        await directory.ImportPeople(pb.ImportPeopleRequest(people=[imported]), **me)
        # Soon over: the process itself deactivates the guest (GW-5).
        soon = Timestamp()
        soon.FromDatetime(SystemClock().now() + timedelta(seconds=1))
        guest = pb.CreatePersonRequest(
            handle="guest",
            display_name="访客",
            kind=people_pb2.Person.KIND_GUEST,
            guest_expires_at=soon,
        )
        await directory.CreatePerson(guest, **me)
        await stub.SetPassword(
            sessions.SetPasswordRequest(old_password="correct horse", new_password="another one"),
            **me,
        )
        with pytest.raises(grpc.aio.AioRpcError) as replayed:
            await stub.RefreshSession(
                sessions.RefreshSessionRequest(refresh_token=first.tokens.refresh_token),
                **anonymous,
            )
        assert "REFRESH_REUSED" in repr(replayed.value.trailing_metadata())

        seen: list[tuple[str, int]] = []
        async with asyncio.timeout(60):
            async for batch in records:
                seen += [(r.envelope.type.rpartition(".")[2], r.envelope.change_no) for r in batch]
                keys = {record.key for record in batch}
                assert all(key.startswith("per_") for key in keys)
                if len(seen) >= 5:
                    break
    added = [("PersonAdded", 1)] * 3
    assert sorted(seen) == [*added, ("PersonDeactivated", 2), ("SessionRevoked", 1)]

    await _keys_rotate_without_a_restart(process, stub, caller_keys_of)

    for answer in (first, second, third):
        secrets |= {answer.tokens.access_token, answer.tokens.refresh_token}
        secrets.add(answer.tokens.access_token.rpartition(".")[2])
    process.child.terminate()
    assert await asyncio.wait_for(process.child.wait(), 20) == 0
    log = process.log.read_text()
    events = {entry["event"] for entry in process.entries()}
    assert {"sign_in.refused", "session.started", "session.refresh_reused"} <= events
    assert [secret for secret in secrets if secret in log] == []
    assert "$argon2" not in log


async def _keys_rotate_without_a_restart(
    process: Process, stub: SessionServiceStub, keys: Callable[[str], CallerSection]
) -> None:
    gateway = CallerTokens(
        CallerSigner(keys("gateway")),
        CallerContext(kind=CallerContext.KIND_SERVICE),
        clock=SystemClock(),
    )
    signed = {"metadata": ((METADATA_KEY, gateway.for_audience("directory")),)}

    async def published() -> list[str]:
        answer = await stub.GetSigningKeys(sessions.GetSigningKeysRequest(), **signed)
        return [key["kid"] for key in json.loads(answer.jwks_json)["keys"]]

    (before,) = await published()
    rotating = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "directory", "--rotate-signing-keys", env=process.environment
    )
    assert await rotating.wait() == 0

    async def both() -> bool:
        return len(await published()) == 2

    await eventually(both, within=30)
    assert (await published())[0] == before
