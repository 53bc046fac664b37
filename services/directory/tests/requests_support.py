"""Requests with an id, as the edge recognises them."""

from plexus.directory.v1 import directory_service_pb2 as pb
from plexuskit.request_ids import Request


def request(request_id: str, content: str = "same", *, person_id: str = "per") -> Request:
    asked = pb.CreatePersonRequest(request_id=request_id, handle=content)
    made = Request.of(asked, tenant_id="ten", person_id=person_id)
    assert made
    return made
