"""Request records of 0.2.0: keys with a type, another hash, and whole answers.

To be deleted in the release after the next: by then the last of them has expired.
"""

import hashlib
from typing import Any

from plexus.messaging.v1 import messaging_service_pb2 as pb
from plexus.messaging.v1 import personal_service_pb2
from plexuskit.mongo import Document
from plexuskit.request_ids import Answer, Request, check_same


class OlderRequests:
    """Finds those records, and reads the ids out of stored answers."""

    def key(self, request: Request) -> str:
        """Return the key of that release."""
        return f"{request.person_id}:{request.message.DESCRIPTOR.full_name}:{request.request_id}"

    def answer(self, request: Request, record: Document) -> Answer:
        """Read the id of what was answered.

        Raises:
            RequestIdReused: the record is of other content.
        """
        message: Any = request.message
        content = message.SerializeToString(deterministic=True)
        digest = hashlib.sha256(content).digest()
        check_same(request, bytes(record["hash"]), content_hash=digest)
        answered = bytes(record["response"])
        match message:
            case pb.CreateConversationRequest():
                created = pb.CreateConversationResponse.FromString(answered)
                return {"id": created.conversation.id}
            case personal_service_pb2.ScheduleMessageRequest():
                response = personal_service_pb2.ScheduleMessageResponse
                return {"id": response.FromString(answered).scheduled.id}
        # Of changes of messages it recorded that they were made, and nothing more.
        return {"id": message.conversation_id, "seq": message.seq}
