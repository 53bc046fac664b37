"""A snapshot with a fact that a handler cannot take ends no process (GW-8)."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from plexus.authz.v1.authority_pb2 import SnapshotRequest, SnapshotResponse
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.topics import DIRECTORY_PERSON_V1
from plexus_testkit.wait import eventually
from plexuskit.kafka import Record
from plexuskit.service import Runtime
from plexuskit.snapshot import snapshots


class Authority:
    """An owner that gives one fact."""

    async def _facts(self) -> AsyncIterator[SnapshotResponse]:
        yield SnapshotResponse(facts=[Envelope(scope="per_1")])

    def Snapshot(self, _: SnapshotRequest) -> AsyncIterator[SnapshotResponse]:  # noqa: N802 - the contract's name
        return self._facts()


@pytest.mark.rule("GW-8")
async def test_gw_08_a_snapshot_that_a_handler_cannot_take_is_shown_and_asked_for_again() -> None:
    runtime = Runtime(service="tasks")
    runs: list[int] = []

    async def handle(records: Sequence[Record]) -> None:
        runs.append(len(records))
        if len(runs) == 1:
            raise RuntimeError("a fact that nobody foresaw")

    authority: Any = Authority()
    async with snapshots(
        authority,
        {DIRECTORY_PERSON_V1: handle},
        owner="directory",
        runtime=runtime,
        every=timedelta(hours=1),
    ):
        await eventually(lambda: any("RuntimeError" in each.detail for each in checks(runtime)))
        await eventually(lambda: all(each.ok for each in checks(runtime)))

    assert runs == [1, 1]
    assert not runtime.stopping.is_set()
    await runtime.close()


def checks(runtime: Runtime) -> list[Any]:
    return [each for each in runtime.health.checks() if each.name == "snapshot.directory"]
