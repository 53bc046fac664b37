"""Examples of every request with a request id, each about objects of its own."""

import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from plexus.audit.v1 import audit_service_pb2 as audit_pb
from plexus.directory.v1 import access_service_pb2 as access_pb
from plexus.directory.v1 import directory_service_pb2 as directory_pb
from plexus.directory.v1 import people_pb2
from plexus.directory.v1 import session_service_pb2 as session_pb
from plexus.messaging.v1 import messaging_service_pb2 as messaging_pb
from plexus.messaging.v1 import personal_service_pb2 as personal_pb
from plexus.messaging.v1.conversations_pb2 import Conversation, Member
from plexus.tasks.v1 import tasks_pb2
from plexus.tasks.v1 import tasks_service_pb2 as tasks_pb
from plexus_sdk import Plexus

CEDAR = 'forbid(principal, action == Plexus::Action::"tasks.create", resource);'


def new_name() -> str:
    return f"repeated-{secrets.token_hex(6)}"


def ahead(**time: float) -> Timestamp:
    instant = Timestamp()
    instant.FromDatetime(datetime.now(UTC) + timedelta(**time))
    return instant


class Scene:
    """An administrator and two members, with methods that create the objects of a request.

    Attributes:
        root: administers the company.
        ann: makes the requests that members may make.
        bob: owns the rooms that ann leaves.
        shared: a room of ann and bob.
    """

    shared: str

    def __init__(self, *, root: Plexus, ann: Plexus, bob: Plexus) -> None:
        self.root, self.ann, self.bob = root, ann, bob

    async def person(self) -> str:
        name = new_name()
        request = directory_pb.CreatePersonRequest(handle=name, display_name=name)
        return str((await self.root.call(self.root.directory.CreatePerson, request)).person.id)

    async def deactivated(self) -> str:
        person_id = await self.person()
        request = directory_pb.DeactivatePersonRequest(person_id=person_id)
        await self.root.call(self.root.directory.DeactivatePerson, request)
        return person_id

    async def department(self, parent_id: str = "") -> str:
        request = directory_pb.CreateDepartmentRequest(name=new_name(), parent_id=parent_id)
        made = await self.root.call(self.root.directory.CreateDepartment, request)
        return str(made.department.id)

    async def group(self) -> str:
        request = directory_pb.CreateGroupRequest(name=new_name())
        return str((await self.root.call(self.root.directory.CreateGroup, request)).group.id)

    async def role(self) -> str:
        request = access_pb.CreateRoleRequest(name=new_name(), permissions=["tasks.read"])
        return str((await self.root.call(self.root.grants.CreateRole, request)).role.id)

    async def binding(self) -> str:
        request = access_pb.BindRoleRequest(
            role_id=await self.role(), subject=f"person:{await self.person()}"
        )
        return str((await self.root.call(self.root.grants.BindRole, request)).binding.id)

    async def policy(self) -> str:
        request = access_pb.PutAccessPolicyRequest(name=new_name(), cedar=CEDAR)
        return str((await self.root.call(self.root.grants.PutAccessPolicy, request)).policy.name)

    async def room(self, owner: Plexus | None = None) -> str:
        owner = owner or self.ann
        others = {self.ann.profile.person_id, self.bob.profile.person_id}
        request = messaging_pb.CreateConversationRequest(
            kind=Conversation.KIND_GROUP,
            name=new_name(),
            member_ids=others - {owner.profile.person_id},
        )
        made = await owner.call(owner.messaging.CreateConversation, request)
        return str(made.conversation.id)

    async def message(self) -> dict[str, Any]:
        """Post a message as ann, and return its fields in a request."""
        room = await self.room()
        request = messaging_pb.SendMessageRequest(
            conversation_id=room, request_id=new_name(), text=new_name()
        )
        posted = await self.ann.call(self.ann.messaging.SendMessage, request)
        return {"conversation_id": room, "seq": posted.seq}

    async def task(self) -> str:
        request = tasks_pb.CreateTaskRequest(title=new_name())
        return str((await self.ann.call(self.ann.tasks.CreateTask, request)).task.id)

    async def project(self) -> str:
        request = tasks_pb.CreateProjectRequest(name=new_name())
        return str((await self.ann.call(self.ann.tasks.CreateProject, request)).project.id)

    async def busy(self) -> str:
        """Return a person with an open task."""
        person_id = await self.person()
        request = tasks_pb.CreateTaskRequest(title=new_name(), owner_id=person_id)
        await self.ann.call(self.ann.tasks.CreateTask, request)
        return person_id


async def _schedule(scene: Scene) -> Message:
    content = personal_pb.ScheduledContent(conversation_id=await scene.room(), text=new_name())
    return personal_pb.ScheduleMessageRequest(message=content, send_at=ahead(hours=3))


async def _direct(scene: Scene) -> Message:
    return messaging_pb.CreateConversationRequest(
        kind=Conversation.KIND_DIRECT, member_ids=[await scene.person()]
    )


async def _forward(scene: Scene) -> Message:
    message = await scene.message()
    return messaging_pb.ForwardMessagesRequest(
        conversation_id=message["conversation_id"],
        seqs=[message["seq"]],
        to_conversation_id=scene.shared,
    )


async def _module(scene: Scene) -> Message:
    return access_pb.SetModuleRequest(
        name="tasks", enabled=True, except_department_ids=[await scene.department()]
    )


async def _absence(_: Scene) -> Message:
    absence = people_pb2.Absence(starts_at=ahead(days=2), ends_at=ahead(days=3), note=new_name())
    return directory_pb.SetAbsenceRequest(absence=absence)


async def _skip(_: Scene) -> Message:
    return audit_pb.RecordSkipRequest(
        topic="tasks.task.v1", offset=secrets.randbelow(2**40), reason="a test of repeats"
    )


Example = Callable[[Scene], Awaitable[Message]]


def _made(kind: Any, /, **fields: Any) -> Example:
    """Return an example of a request; a field that is a function creates a new object each time."""

    async def make(scene: Scene) -> Message:
        values = {
            name: await value(scene) if callable(value) else value for name, value in fields.items()
        }
        message: Message = kind(**values)
        return message

    return make


def _about_message(kind: Any, /, **fields: Any) -> Example:
    async def make(scene: Scene) -> Message:
        message: Message = kind(**await scene.message(), **fields)
        return message

    return make


async def _name(_: Scene) -> str:
    return new_name()


async def _soon(_: Scene) -> Timestamp:
    return ahead(days=5)


async def _names(_: Scene) -> list[str]:
    return [new_name()]


async def _people(scene: Scene) -> list[str]:
    return [await scene.person()]


async def _bob(scene: Scene) -> list[str]:
    return [scene.bob.profile.person_id]


async def _bob_id(scene: Scene) -> str:
    return scene.bob.profile.person_id


async def _subject(scene: Scene) -> str:
    return f"person:{await scene.person()}"


async def _shared(scene: Scene) -> str:
    """Return the shared room: request ids of messages are unique in their conversation."""
    return scene.shared


async def _left(scene: Scene) -> str:
    return await scene.room(scene.bob)


REQUESTS: dict[str, list[Example]] = {
    "CreatePerson": [
        _made(directory_pb.CreatePersonRequest, handle=_name, display_name=_name),
    ],
    "UpdatePerson": [
        _made(
            directory_pb.UpdatePersonRequest, person_id=Scene.person, expected_version=1, title="x"
        )
    ],
    "DeactivatePerson": [_made(directory_pb.DeactivatePersonRequest, person_id=Scene.person)],
    "ReactivatePerson": [_made(directory_pb.ReactivatePersonRequest, person_id=Scene.deactivated)],
    "SetAbsence": [_absence],
    "UpdateProfile": [_made(directory_pb.UpdateProfileRequest, skills=_names, set_skills=True)],
    "CreateDepartment": [_made(directory_pb.CreateDepartmentRequest, name=_name)],
    "UpdateDepartment": [
        _made(
            directory_pb.UpdateDepartmentRequest,
            department_id=Scene.department,
            expected_version=1,
            name=_name,
        )
    ],
    "MoveDepartment": [
        _made(
            directory_pb.MoveDepartmentRequest,
            department_id=Scene.department,
            parent_id=Scene.department,
        )
    ],
    "MergeDepartment": [
        _made(
            directory_pb.MergeDepartmentRequest,
            department_id=Scene.department,
            into_id=Scene.department,
        )
    ],
    "SplitDepartment": [
        _made(
            directory_pb.SplitDepartmentRequest,
            department_id=Scene.department,
            name=_name,
            below=True,
        )
    ],
    "CreateGroup": [_made(directory_pb.CreateGroupRequest, name=_name, member_ids=_people)],
    "UpdateGroup": [
        _made(
            directory_pb.UpdateGroupRequest,
            group_id=Scene.group,
            expected_version=1,
            description=_name,
        )
    ],
    "ChangeGroupMembers": [
        _made(directory_pb.ChangeGroupMembersRequest, group_id=Scene.group, add_ids=_people)
    ],
    "DeleteGroup": [_made(directory_pb.DeleteGroupRequest, group_id=Scene.group)],
    "CreateApiToken": [
        _made(session_pb.CreateApiTokenRequest, name=_name, scopes=["tasks.read"], expires_at=_soon)
    ],
    "CreateRole": [_made(access_pb.CreateRoleRequest, name=_name, permissions=["tasks.read"])],
    "UpdateRole": [
        _made(access_pb.UpdateRoleRequest, role_id=Scene.role, expected_version=1, name=_name)
    ],
    "DeleteRole": [_made(access_pb.DeleteRoleRequest, role_id=Scene.role)],
    "BindRole": [_made(access_pb.BindRoleRequest, role_id=Scene.role, subject=_subject)],
    "UnbindRole": [_made(access_pb.UnbindRoleRequest, binding_id=Scene.binding)],
    "PutAccessPolicy": [_made(access_pb.PutAccessPolicyRequest, name=_name, cedar=CEDAR)],
    "DeleteAccessPolicy": [_made(access_pb.DeleteAccessPolicyRequest, name=Scene.policy)],
    "SetModule": [_module],
    "RecordSkip": [_skip],
    "CreateProject": [_made(tasks_pb.CreateProjectRequest, name=_name)],
    "UpdateProject": [
        _made(
            tasks_pb.UpdateProjectRequest,
            project_id=Scene.project,
            expected_version=1,
            name=_name,
        )
    ],
    "ReassignWork": [
        _made(tasks_pb.ReassignWorkRequest, person_id=Scene.busy, to_person_id=Scene.person)
    ],
    "CreateTask": [_made(tasks_pb.CreateTaskRequest, title=_name)],
    "UpdateTask": [
        _made(tasks_pb.UpdateTaskRequest, task_id=Scene.task, expected_version=1, title=_name)
    ],
    "AssignTask": [
        _made(tasks_pb.AssignTaskRequest, task_id=Scene.task, expected_version=1, assignee_ids=_bob)
    ],
    "MoveTask": [
        _made(
            tasks_pb.MoveTaskRequest,
            task_id=Scene.task,
            expected_version=1,
            state=tasks_pb2.Task.STATE_DOING,
        )
    ],
    "CreateConversation": [
        _made(
            messaging_pb.CreateConversationRequest,
            kind=Conversation.KIND_GROUP,
            name=_name,
            member_ids=_bob,
        ),
        _direct,
    ],
    "UpdateConversation": [
        _made(
            messaging_pb.UpdateConversationRequest,
            conversation_id=Scene.room,
            expected_version=1,
            name=_name,
        ),
        # It changes nothing but is recorded.
        _made(messaging_pb.UpdateConversationRequest, conversation_id=Scene.room),
    ],
    "AddMembers": [
        _made(messaging_pb.AddMembersRequest, conversation_id=Scene.room, person_ids=_people)
    ],
    "RemoveMembers": [
        _made(messaging_pb.RemoveMembersRequest, conversation_id=Scene.room, person_ids=_bob)
    ],
    "ChangeMemberRole": [
        _made(
            messaging_pb.ChangeMemberRoleRequest,
            conversation_id=Scene.room,
            person_id=_bob_id,
            role=Member.ROLE_ADMIN,
        )
    ],
    "LeaveConversation": [_made(messaging_pb.LeaveConversationRequest, conversation_id=_left)],
    "SendMessage": [_made(messaging_pb.SendMessageRequest, conversation_id=_shared, text=_name)],
    "ForwardMessages": [_forward],
    "EditMessage": [
        _about_message(messaging_pb.EditMessageRequest, text="edited", expected_version=0)
    ],
    "RecallMessage": [_about_message(messaging_pb.RecallMessageRequest)],
    "ReactToMessage": [
        _about_message(messaging_pb.ReactToMessageRequest, emoji="ok"),
        # It changes nothing but is recorded.
        _about_message(messaging_pb.ReactToMessageRequest, emoji="ok", remove=True),
    ],
    "PinMessage": [_about_message(messaging_pb.PinMessageRequest)],
    "LabelMessage": [_about_message(messaging_pb.LabelMessageRequest, add=["later"])],
    "ScheduleMessage": [_schedule],
}
"""Examples by method: each returns a new request on every call."""
