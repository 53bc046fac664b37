"""What the tests of Kafka share: facts to send and a view of what a group has committed."""

from collections.abc import Callable

import pytest
from plexus.event.v1.envelope_pb2 import Envelope
from plexuskit.kafka import Outgoing


@pytest.fixture
def posted() -> Callable[..., Outgoing]:
    """A function that makes a valid fact of `messaging.conversation.v1`."""

    def make(
        number: int, *, conversation: str = "cnv_a", type_: str = "MessagePosted", **headers: bytes
    ) -> Outgoing:
        event = Envelope(
            event_id=f"evt_{conversation}_{number}",
            tenant_id="ten_a",
            scope=conversation,
            change_no=number,
            type=f"plexus.messaging.v1.{type_}",
            fact=b"fact",
        )
        return "messaging.conversation.v1", conversation, event.SerializeToString(), headers

    return make
