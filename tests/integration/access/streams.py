"""Sends through a live stream, for the tests that cover every path."""

import asyncio

from plexus.gateway.v1.session_service_pb2 import Hello, SendItem, SessionRequest
from plexus.messaging.v1.messaging_service_pb2 import SendMessageRequest
from plexus_sdk import Plexus


async def sent_in_a_stream(
    person: Plexus, conversation_id: str, command: SendMessageRequest, *, within: float
) -> str:
    """Send one message; return `done` or the reason of its refusal."""
    call = person.live.Session(metadata=await person.metadata())
    item = SendItem(
        client_ref=1, conversation_id=conversation_id, command=command.SerializeToString()
    )
    try:
        async with asyncio.timeout(within):
            await call.write(SessionRequest(hello=Hello(device="paths"), sends=[item]))
            while True:
                for frame in (await call.read()).frames:
                    if frame.HasField("acknowledgement"):
                        verdict = frame.acknowledgement.verdict
                        stored = verdict.HasField("stored")
                        return "done" if stored else str(verdict.refused.reason)
    finally:
        call.cancel()
