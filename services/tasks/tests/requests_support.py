"""Requests with an id, as the edge recognises them."""

from google.protobuf.message import Message
from plexuskit.request_ids import Request
from tasks.domain.identity import Actor


def identified(message: Message, actor: Actor) -> Request | None:
    return Request.of(message, tenant_id=actor.tenant_id, person_id=actor.person_id)
