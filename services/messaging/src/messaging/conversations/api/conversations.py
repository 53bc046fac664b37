"""MessagingService: conversations and their members."""

from typing import Any

from plexus.messaging.v1 import conversations_pb2, messaging_service_pb2
from plexuskit.errors import InvalidArgument
from plexuskit.grpc import actor
from plexuskit.paging import Listing
from plexuskit.request_ids import request_of

from messaging.contract.api import page_size
from messaging.conversations.api.translation import history_of, kind_of, role_of
from messaging.conversations.events.conversations import conversation_to_proto, member_to_proto
from messaging.conversations.operations.conversations import (
    Begun,
    create_conversation,
    leave_conversation,
    update_conversation,
)
from messaging.conversations.operations.members import (
    MembershipChanged,
    add_members,
    change_member_role,
    remove_members,
)
from messaging.conversations.operations.people import People
from messaging.conversations.queries.events import list_conversation_events
from messaging.conversations.queries.members import list_members
from messaging.conversations.queries.status import get_messaging_status
from messaging.conversations.store.stores import Store
from messaging.log.operations.logs import Log

pb = messaging_service_pb2

MAX_PEOPLE = 1_000


class ConversationsApi:
    """A part of MessagingService; each method reads, calls one operation or query, and answers."""

    def __init__(self, log: Log[Store], people: People) -> None:
        self._log = log
        self._store = log.store
        self._clock = log.clock
        self._people = people

    async def CreateConversation(
        self, request: pb.CreateConversationRequest, context: Any
    ) -> pb.CreateConversationResponse:
        begun = await create_conversation(
            self._store,
            self._people,
            actor=actor(),
            kind=kind_of(request.kind),
            name=request.name,
            topic=request.topic,
            history=history_of(request.history),
            member_ids=request.member_ids,
            now=self._clock.now(),
            request=request_of(request),
        )
        return pb.CreateConversationResponse(
            conversation=_conversation(begun), deduplicated=begun.deduplicated
        )

    async def UpdateConversation(
        self, request: pb.UpdateConversationRequest, context: Any
    ) -> pb.UpdateConversationResponse:
        begun = await update_conversation(
            self._log,
            actor=actor(),
            conversation_id=request.conversation_id,
            name=request.name if request.HasField("name") else None,
            topic=request.topic if request.HasField("topic") else None,
            archived=request.archived if request.HasField("archived") else None,
            confidential=request.confidential if request.HasField("confidential") else None,
            history=history_of(request.history) if request.HasField("history") else None,
            expected_version=request.expected_version,
            now=self._clock.now(),
            request=request_of(request),
        )
        return pb.UpdateConversationResponse(conversation=_conversation(begun))

    async def ListMembers(
        self, request: pb.ListMembersRequest, context: Any
    ) -> pb.ListMembersResponse:
        size = page_size(request.page_size, default=200, maximum=1_000)
        listing = Listing(name="members", filters=(request.conversation_id,))
        members, more = await list_members(
            self._store,
            actor=actor(),
            conversation_id=request.conversation_id,
            after=listing.last_id(request.page_token),
            limit=size,
        )
        return pb.ListMembersResponse(
            members=[member_to_proto(member) for member in members],
            next_page_token=listing.token(members[-1].person_id) if more else "",
        )

    async def AddMembers(
        self, request: pb.AddMembersRequest, context: Any
    ) -> pb.AddMembersResponse:
        changed = await add_members(
            self._log,
            self._people,
            actor=actor(),
            conversation_id=request.conversation_id,
            person_ids=_people(request.person_ids),
            role=role_of(request.role),
            now=self._clock.now(),
            request=request_of(request),
        )
        return pb.AddMembersResponse(
            conversation=_conversation(changed), added_person_ids=changed.person_ids
        )

    async def RemoveMembers(
        self, request: pb.RemoveMembersRequest, context: Any
    ) -> pb.RemoveMembersResponse:
        changed = await remove_members(
            self._log,
            actor=actor(),
            conversation_id=request.conversation_id,
            person_ids=_people(request.person_ids),
            now=self._clock.now(),
            request=request_of(request),
        )
        return pb.RemoveMembersResponse(
            conversation=_conversation(changed), removed_person_ids=changed.person_ids
        )

    async def ChangeMemberRole(
        self, request: pb.ChangeMemberRoleRequest, context: Any
    ) -> pb.ChangeMemberRoleResponse:
        if not request.role:
            raise InvalidArgument(field="role", problem="is missing")
        changed = await change_member_role(
            self._log,
            actor=actor(),
            conversation_id=request.conversation_id,
            person_id=request.person_id,
            role=role_of(request.role),
            transfer=request.transfer,
            request=request_of(request),
            now=self._clock.now(),
        )
        return pb.ChangeMemberRoleResponse(
            conversation=_conversation(changed),
            members=[member_to_proto(member) for member in changed.members],
        )

    async def ListConversationEvents(
        self, request: pb.ListConversationEventsRequest, context: Any
    ) -> pb.ListConversationEventsResponse:
        filters = (request.conversation_id, str(request.after_seq), str(request.through_seq))
        listing = Listing(name="conversation_events", filters=filters)
        position = listing.position(request.page_token, shape=(int,))
        page = await list_conversation_events(
            self._store,
            actor=actor(),
            conversation_id=request.conversation_id,
            after_seq=request.after_seq,
            through_seq=request.through_seq,
            after_change=int(position[0]) if position else 0,
            limit=page_size(request.page_size, default=100, maximum=500),
        )
        return pb.ListConversationEventsResponse(
            events=page.events,
            next_page_token=listing.token(page.following) if page.following else "",
        )

    async def LeaveConversation(
        self, request: pb.LeaveConversationRequest, context: Any
    ) -> pb.LeaveConversationResponse:
        await leave_conversation(
            self._log,
            actor=actor(),
            conversation_id=request.conversation_id,
            now=self._clock.now(),
            request=request_of(request),
        )
        return pb.LeaveConversationResponse()

    async def GetMessagingStatus(
        self, request: pb.GetMessagingStatusRequest, context: Any
    ) -> pb.GetMessagingStatusResponse:
        figures = await get_messaging_status(self._log, tenant_id=actor().tenant_id)
        return pb.GetMessagingStatusResponse(
            conversations=figures.conversations, messages=figures.messages
        )


def _conversation(changed: Begun | MembershipChanged) -> conversations_pb2.Conversation:
    return conversation_to_proto(changed.conversation, change_no=changed.change_no, seq=changed.seq)


def _people(person_ids: Any) -> list[str]:
    if not 0 < len(person_ids) <= MAX_PEOPLE:
        raise InvalidArgument(field="person_ids", problem=f"takes 1 to {MAX_PEOPLE} people")
    return list(person_ids)
