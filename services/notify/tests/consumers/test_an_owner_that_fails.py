"""One record whose owner always answers INTERNAL, on a topic where nothing else comes (GW-8)."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import pytest
from notify.app import DirectoryMembership
from notify.consumers import consuming
from notify.operations.tasks import Pace
from notify.store import Store
from plexus.authz.v1.authority_pb2 import (
    FilterMembersRequest,
    FilterMembersResponse,
    SnapshotRequest,
    SnapshotResponse,
)
from plexus.authz.v1.authority_pb2_grpc import (
    AuthorityServicer,
    AuthorityStub,
    add_AuthorityServicer_to_server,
)
from plexus_testkit.wait import eventually
from plexuskit.config import CallerSection, GrpcSection, KafkaSection
from plexuskit.grpc import CallerSigner, CallerVerifier, channel, serve
from plexuskit.grpc.serving import check_serving
from plexuskit.kafka import dlq_list
from plexuskit.runtime import Runtime

GROUP = "notify.messages"


class Failing(AuthorityServicer):
    """Directory's Authority with a bug in one method; its health check reports serving."""

    def __init__(self) -> None:
        self.asked = 0

    async def FilterMembers(  # noqa: N802 - the contract's name
        self,
        request: FilterMembersRequest,
        context: Any,  # noqa: ARG002 - the contract's
    ) -> FilterMembersResponse:
        self.asked += 1
        raise KeyError(request.sets[0])

    async def Snapshot(  # noqa: N802 - the contract's name
        self,
        request: SnapshotRequest,  # noqa: ARG002 - the contract's
        context: Any,  # noqa: ARG002 - the contract's
    ) -> AsyncIterator[SnapshotResponse]:
        yield SnapshotResponse()


@pytest.fixture
def failing() -> Failing:
    return Failing()


@pytest.fixture
async def directory(
    failing: Failing, caller_keys_of: Callable[[str], CallerSection], runtime: Runtime
) -> AsyncIterator[grpc.aio.Channel]:
    async with (
        serve(
            GrpcSection(port=0, drain_seconds=1),
            service="directory",
            servicers=[(add_AuthorityServicer_to_server, failing)],
            verifier=CallerVerifier(caller_keys_of("directory"), "directory"),
            runtime=runtime,
            health=runtime.health,
        ) as port,
        channel(
            f"127.0.0.1:{port}",
            audience="directory",
            signer=CallerSigner(caller_keys_of("notify")),
            service="notify",
            tls=None,
        ) as opened,
    ):
        yield opened


@pytest.mark.rule("GW-8")
async def test_a_record_whose_owner_always_answers_internal_is_set_aside_on_a_quiet_topic(
    publish: Any,
    facts: Any,
    directory: grpc.aio.Channel,
    failing: Failing,
    store: Store,
    kafka_section_of: Callable[[str], KafkaSection],
    kafka_section: KafkaSection,
    pace: Pace,
    runtime: Runtime,
) -> None:
    # Five minutes are half a second; the settings' own figures are in test_kafka_evidence.py.
    section = kafka_section_of("notify").model_copy(
        update={"evidence_seconds": 0.5, "set_aside_every_seconds": 1.0}
    )
    authority = AuthorityStub(directory)

    async def probe() -> None:
        await store.probe()
        await check_serving(directory, dependency="directory")

    await publish(facts.conversation("ann", "bo", "cy"))
    await publish(facts.posted(facts.message(departments=("dep_a",))))
    async with consuming(
        store,
        authority,
        membership=DirectoryMembership(authority),
        probe=probe,
        owners={},
        kafka=section,
        pace=pace,
        runtime=runtime,
    ):

        async def letters() -> Any:
            return await dlq_list(kafka_section, GROUP, 10)

        # Nothing else is published: the record is tried again by itself.
        (letter,) = await eventually(letters, within=60)

    assert "INTERNAL" in letter.reason
    assert letter.attempts >= 5
    assert failing.asked >= 5
