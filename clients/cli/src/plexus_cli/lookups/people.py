"""People, page by page."""

from plexus.directory.v1 import directory_service_pb2 as pb
from plexus.directory.v1.people_pb2 import Person
from plexus_sdk import Plexus


async def all_people(
    plexus: Plexus, *, query: str = "", deactivated: bool = False, department_id: str = ""
) -> list[Person]:
    """Read every page of people."""
    found: list[Person] = []
    token = ""
    while True:
        request = pb.ListPeopleRequest(
            page_size=1000,
            page_token=token,
            query=query,
            include_deactivated=deactivated,
            department_id=department_id,
        )
        response = await plexus.call(plexus.directory.ListPeople, request)
        found += response.people
        token = response.next_page_token
        if not token:
            return found
