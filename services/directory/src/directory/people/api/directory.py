"""plexus.directory.v1.DirectoryService."""

from typing import Any

from plexus.directory.v1 import directory_service_pb2 as pb

from directory.people import queries
from directory.people.api.departments import DepartmentsApi
from directory.people.api.groups import GroupsApi
from directory.people.api.people import PeopleApi
from directory.shared.api.translation import acting


class DirectoryApi(PeopleApi, DepartmentsApi, GroupsApi):
    """People, departments and groups, each in a part of its own."""

    async def GetDirectoryStatus(
        self, request: pb.GetDirectoryStatusRequest, context: Any
    ) -> pb.GetDirectoryStatusResponse:
        """Count people, departments and sessions."""
        status = await queries.get_directory_status(
            self._store, actor=acting(), now=self._clock.now()
        )
        return pb.GetDirectoryStatusResponse(
            people=status.people, departments=status.departments, sessions=status.sessions
        )
