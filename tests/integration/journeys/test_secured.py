"""A message on connections with certificates, from the client to every service (GW-1)."""

import asyncio
import contextlib
import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from plexus.messaging.v1.conversations_pb2 import Conversation
from plexus.messaging.v1.messaging_service_pb2 import (
    CreateConversationRequest,
    ListMessagesRequest,
    SendMessageRequest,
)
from plexus_local.table import CHAT
from plexus_testkit.harness import UNLIMITED, Platform, running
from plexus_testkit.nursery import Forked
from plexuskit.kafka import provision
from plexuskit.kafka.authorize import authorize

# Two platforms may have to start before the first test.
pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def secured(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Run a second Plexus with certificates, on the servers of the first."""
    mark = secrets.token_hex(3)
    own = {
        f"{name}_KAFKA__TOPIC_PREFIX": f"{mark}." for name in ("DIRECTORY", "MESSAGING", "GATEWAY")
    }
    own |= {
        f"{name.upper()}_MONGO__DATABASE": f"{mark}_{name}" for name in ("directory", "messaging")
    }
    section = platform.kafka.model_copy(update={"topic_prefix": f"{mark}."})
    asyncio.run(authorize(section, {}))
    asyncio.run(provision(section))
    # The MongoDB users have rights on the databases of the first Plexus only.
    urls = platform.urls._replace(mongo=platform.mongo_url, mongo_passwords="")
    directory = tmp_path_factory.mktemp("secured")
    with (
        running(
            directory,
            servers={},
            urls=urls,
            entries=CHAT,
            settings={**UNLIMITED, **own},
            launch=Forked,
            tls=True,
        ) as secured,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("PLEXUS_CA_FILE", str(secured.layout.authority))
        asyncio.run(secured.init())
        yield secured


async def test_gw_01_a_message_travels_between_processes_with_certificates(
    secured: Platform,
) -> None:
    handles = await secured.new_people("ann", "bob")
    async with secured.signed_in(handles["ann"]) as ann, secured.signed_in(handles["bob"]) as bob:
        request = CreateConversationRequest(
            request_id="c1",
            kind=Conversation.KIND_GROUP,
            name="secured",
            member_ids=[secured.id_of(handles["bob"])],
        )
        made = await ann.call(ann.messaging.CreateConversation, request)
        text = SendMessageRequest(
            conversation_id=made.conversation.id, request_id="m1", text="over TLS"
        )
        await ann.call(ann.messaging.SendMessage, text)
        listed = await bob.call(
            bob.messaging.ListMessages, ListMessagesRequest(conversation_id=made.conversation.id)
        )

    assert [message.text for message in listed.messages] == ["over TLS"]
    assert all(
        serves_tls(path) for path in secured.layout.logs.glob("*.log") if path.stem != "mail"
    )


def serves_tls(log: Path) -> bool:
    """Return whether every port that a process opened, if any, uses TLS."""
    said = []
    for line in log.read_text().splitlines():
        with contextlib.suppress(ValueError):  # gRPC's own lines are not JSON
            said.append(json.loads(line))
    return all(line["tls"] for line in said if line["event"] in {"grpc.serving", "http.serving"})


async def test_gw_01_nobody_reaches_a_service_past_the_gateway(secured: Platform) -> None:
    address = secured.address_of("messaging-api")
    method = "/plexus.authz.v1.Authority/Recheck"
    roots = secured.layout.authority.read_bytes()
    named = [("grpc.ssl_target_name_override", "messaging.plexus.internal")]
    for opened in (
        grpc.aio.insecure_channel(address),
        grpc.aio.secure_channel(address, grpc.ssl_channel_credentials(roots), options=named),
    ):
        async with opened as channel:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await channel.unary_unary(method)(b"", timeout=5)
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
