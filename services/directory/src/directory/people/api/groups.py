"""The part of plexus.directory.v1.DirectoryService that is about groups."""

from typing import Any

from plexus.directory.v1 import directory_service_pb2 as pb
from plexus.directory.v1 import people_pb2
from plexus.directory.v1.directory_service_pb2_grpc import DirectoryServiceServicer
from plexuskit.clock import Clock
from plexuskit.request_ids import request_of

from directory.people import operations, queries
from directory.people.api.translation import kind_of
from directory.people.domain import groups
from directory.people.domain.groups import Rule
from directory.people.events import group_to_proto, person_to_proto
from directory.people.operations.groups import GroupDraft
from directory.people.store import Store
from directory.shared.api.translation import acting


class GroupsApi(DirectoryServiceServicer):
    """Groups: making, changing, removing and reading them and their members."""

    _store: Store
    _clock: Clock

    async def CreateGroup(
        self, request: pb.CreateGroupRequest, context: Any
    ) -> pb.CreateGroupResponse:
        """Make a group."""
        actor = acting()
        group = await operations.create_group(
            self._store,
            actor=actor,
            draft=GroupDraft(
                name=request.name,
                description=request.description,
                department_id=request.department_id,
                rule=_rule(request.rule) if request.HasField("rule") else None,
                member_ids=request.member_ids,
                external_id=request.external_id,
            ),
            request=request_of(request),
            now=self._clock.now(),
        )
        return pb.CreateGroupResponse(group=group_to_proto(group))

    async def UpdateGroup(
        self, request: pb.UpdateGroupRequest, context: Any
    ) -> pb.UpdateGroupResponse:
        """Change a group."""
        actor = acting()
        group = await operations.update_group(
            self._store,
            actor=actor,
            group_id=request.group_id,
            name=request.name if request.HasField("name") else None,
            description=request.description if request.HasField("description") else None,
            rule=_rule(request.rule) if request.HasField("rule") else None,
            expected_version=request.expected_version,
            request=request_of(request),
            now=self._clock.now(),
        )
        return pb.UpdateGroupResponse(group=group_to_proto(group))

    async def ChangeGroupMembers(
        self, request: pb.ChangeGroupMembersRequest, context: Any
    ) -> pb.ChangeGroupMembersResponse:
        """Add people to a group and remove others."""
        actor = acting()
        group = await operations.change_group_members(
            self._store,
            actor=actor,
            group_id=request.group_id,
            add_ids=request.add_ids,
            remove_ids=request.remove_ids,
            request=request_of(request),
            now=self._clock.now(),
        )
        return pb.ChangeGroupMembersResponse(group=group_to_proto(group))

    async def DeleteGroup(
        self, request: pb.DeleteGroupRequest, context: Any
    ) -> pb.DeleteGroupResponse:
        """Remove a group."""
        actor = acting()
        await operations.delete_group(
            self._store,
            actor=actor,
            group_id=request.group_id,
            request=request_of(request),
            now=self._clock.now(),
        )
        return pb.DeleteGroupResponse()

    async def ListGroups(
        self, request: pb.ListGroupsRequest, context: Any
    ) -> pb.ListGroupsResponse:
        """List groups by name."""
        found, next_page_token = await queries.list_groups(
            self._store,
            actor=acting(),
            page_size=request.page_size,
            page_token=request.page_token,
            person_id=request.person_id,
        )
        return pb.ListGroupsResponse(
            groups=map(group_to_proto, found), next_page_token=next_page_token
        )

    async def ListGroupMembers(
        self, request: pb.ListGroupMembersRequest, context: Any
    ) -> pb.ListGroupMembersResponse:
        """List who belongs to a group."""
        people, next_page_token = await queries.list_group_members(
            self._store,
            actor=acting(),
            group_id=request.group_id,
            page_size=request.page_size,
            page_token=request.page_token,
        )
        return pb.ListGroupMembersResponse(
            people=map(person_to_proto, people), next_page_token=next_page_token
        )


def _rule(rule: people_pb2.GroupRule) -> Rule:
    return groups.rule(
        department_ids=rule.department_ids,
        titles=rule.titles,
        skills=rule.skills,
        locales=rule.locales,
        kinds=[kind_of(kind) for kind in rule.kinds],
    )
