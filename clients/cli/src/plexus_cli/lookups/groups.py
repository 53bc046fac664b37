"""Groups of people by id or name."""

from plexus.directory.v1 import directory_service_pb2 as pb
from plexus.directory.v1.people_pb2 import Group, Person
from plexus_sdk import Plexus, Refused

from plexus_cli.language import tr


async def all_groups(plexus: Plexus, *, person_id: str = "") -> list[Group]:
    """Read every page of groups."""
    found: list[Group] = []
    token = ""
    while True:
        request = pb.ListGroupsRequest(page_size=1000, page_token=token, person_id=person_id)
        response = await plexus.call(plexus.directory.ListGroups, request)
        found += response.groups
        token = response.next_page_token
        if not token:
            return found


async def all_members(plexus: Plexus, group_id: str) -> list[Person]:
    """Read every page of a group's members."""
    found: list[Person] = []
    token = ""
    while True:
        request = pb.ListGroupMembersRequest(group_id=group_id, page_size=1000, page_token=token)
        response = await plexus.call(plexus.directory.ListGroupMembers, request)
        found += response.people
        token = response.next_page_token
        if not token:
            return found


async def find(plexus: Plexus, group: str) -> Group:
    """Find a group by id or name.

    Raises:
        Refused: there is none.
    """
    for each in await all_groups(plexus):
        if group in {each.id, each.name}:
            return each
    raise Refused(
        tr("There is no group called {name}: see `plexus groups list`.", name=group),
        reason="GROUP_NOT_FOUND",
    )
