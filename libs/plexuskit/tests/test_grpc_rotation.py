"""Keys of the caller context rotate while calls run, without a restart (GW-1)."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from plexus.authz.v1 import authority_pb2, authority_pb2_grpc
from plexus.authz.v1.caller_pb2 import CallerContext
from plexuskit.clock import SystemClock
from plexuskit.config import CallerSection, GrpcSection
from plexuskit.grpc import (
    METADATA_KEY,
    CallerSigner,
    CallerVerifier,
    DerivedKey,
    generate_keys,
    open_channel,
    serve,
)
from plexuskit.grpc.caller import CallerContextInvalid
from plexuskit.runtime import Runtime
from structlog.testing import capture_logs

Keys = dict[str, dict[str, Any]]

numbers = count()


def put(folder: Path, keys: Keys) -> None:
    """Replace the files as `make_keys` and a mounted secret do: at once."""
    for name, content in keys.items():
        beside = folder / f".{name}.new"
        beside.write_text(json.dumps(content))
        beside.replace(folder / f"{name}.json")


def of(folder: Path, name: str) -> CallerSection:
    return CallerSection(keys_file=folder / f"{name}.json")


class Rotation:
    """The three steps of `make_keys`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.first = generate_keys(["search", "tasks"])
        old = self.first["tasks"]["verifying"]
        self.next = generate_keys(["search", "tasks"], generation="2", retiring=old)
        put(folder, self.first)

    def announce(self) -> None:
        both = {"verifying": self.next["tasks"]["verifying"]}
        put(self.folder, {name: keys | both for name, keys in self.first.items()})

    def switch(self) -> None:
        put(self.folder, self.next)

    def retire(self) -> None:
        new: Mapping[str, str] = self.next["tasks"]["verifying"]
        kept = {"verifying": {key: value for key, value in new.items() if "@" in key}}
        put(self.folder, {name: keys | kept for name, keys in self.next.items()})


@pytest.fixture
def rotation(tmp_path: Path) -> Rotation:
    return Rotation(tmp_path)


class Authority(authority_pb2_grpc.AuthorityServicer):
    """Answers every question."""

    async def Recheck(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - the contract
        return authority_pb2.RecheckResponse()


@pytest.fixture
async def port(rotation: Rotation, runtime: Runtime) -> AsyncIterator[int]:
    async with serve(
        GrpcSection(port=0, drain_seconds=0.2),
        service="tasks",
        servicers=[(authority_pb2_grpc.add_AuthorityServicer_to_server, Authority())],
        verifier=CallerVerifier(of(rotation.folder, "tasks"), "tasks"),
        runtime=runtime,
    ) as listening:
        yield listening


def signed(signer: CallerSigner) -> bytes:
    """Sign a separate context for each call: a client's cache of half a minute would hide much."""
    now = int(SystemClock().now().timestamp() * 1000)
    return signer.sign(
        CallerContext(
            kind=CallerContext.KIND_SERVICE,
            service="search",
            audience="tasks",
            issued_at_ms=now,
            expires_at_ms=now + 60_000,
            # No two are the same bytes.
            scopes=[str(next(numbers))],
        )
    )


def test_a_derived_key_is_the_services_own_and_changes_with_the_rotation(
    rotation: Rotation,
) -> None:
    def derived(service: str, purpose: str) -> DerivedKey:
        path = of(rotation.folder, service).keys_file
        return DerivedKey(path, purpose=purpose, size=64)

    key = derived("search", "search.page-token")
    first = key.current()

    assert len(first) == 64
    assert derived("search", "search.page-token").current() == first
    assert derived("search", "search.another").current() != first
    assert derived("tasks", "search.page-token").current() != first

    rotation.announce()
    assert key.current() == first
    rotation.switch()
    assert key.current() != first


async def test_gw_01_a_rotation_under_traffic_refuses_no_call(
    rotation: Rotation, port: int
) -> None:
    signer = CallerSigner(of(rotation.folder, "search"))
    used: list[str] = []

    async with open_channel(f"127.0.0.1:{port}") as opened:
        stub: Any = authority_pb2_grpc.AuthorityStub(opened)

        async def some_calls() -> None:
            for _ in range(20):
                metadata = ((METADATA_KEY, signed(signer)),)
                await stub.Recheck(authority_pb2.RecheckRequest(), metadata=metadata, timeout=5)
                used.append(signer.key_id)

        for step in (rotation.announce, rotation.switch, rotation.retire):
            running = [asyncio.create_task(some_calls()) for _ in range(3)]
            await some_calls()
            step()
            await asyncio.gather(some_calls(), *running)

    assert set(used) == {"search", "search@2"}
    assert used[-1] == "search@2"


def test_gw_01_a_retired_key_counts_no_more(rotation: Rotation) -> None:
    old = CallerSigner(of(rotation.folder, "search"))
    verifier = CallerVerifier(of(rotation.folder, "tasks"), "tasks")
    token = signed(old)
    verifier.verify(token)

    rotation.announce()
    rotation.switch()
    rotation.retire()

    assert signed(old) != token
    verifier.verify(signed(old))
    with pytest.raises(CallerContextInvalid):
        verifier.verify(token)


def test_a_file_that_cannot_be_used_leaves_the_keys_as_they_are(rotation: Rotation) -> None:
    signer = CallerSigner(of(rotation.folder, "search"))
    verifier = CallerVerifier(of(rotation.folder, "tasks"), "tasks")

    for broken in ("{", "{}", json.dumps({"verifying": {"search": "short"}})):
        for name in ("search", "tasks"):
            (rotation.folder / f"{name}.json").write_text(broken)
        with capture_logs() as lines:
            verifier.verify(signed(signer))
            verifier.verify(signed(signer))
        assert [line["event"] for line in lines] == ["file.not_reloaded"] * 2
    (rotation.folder / "search.json").unlink()
    verifier.verify(signed(signer))


def test_gw_01_another_services_key_is_not_signed_with(rotation: Rotation) -> None:
    signer = CallerSigner(of(rotation.folder, "search"))

    put(rotation.folder, {"search": rotation.next["tasks"]})
    signed(signer)

    assert signer.key_id == "search"
