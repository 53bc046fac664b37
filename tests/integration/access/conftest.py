"""A company with secrets, and every kind of caller that must not learn them."""

import secrets
import time
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from plexus.directory.v1 import access_service_pb2 as access_pb
from plexus.directory.v1 import directory_service_pb2 as directory_pb
from plexus.directory.v1.people_pb2 import Person
from plexus.messaging.v1 import messaging_service_pb2 as messaging_pb
from plexus.messaging.v1.conversations_pb2 import Conversation
from plexus.search.v1.search_service_pb2 import SearchRequest
from plexus.tasks.v1 import tasks_service_pb2 as tasks_pb
from plexus_sdk import Plexus
from plexus_testkit.harness import PASSWORD, Platform
from plexus_testkit.wait import eventually

from .tokens_support import tenant_of
from .world_support import World


@pytest.fixture(scope="session")
async def world(platform: Platform) -> World:
    """Create the company: objects that the member may see and the other callers may not."""
    names = ("member", "stranger", "scoped", "deactivated", "gone", "expired")
    handles = await platform.new_people(*names)
    ids = {name: platform.id_of(handle) for name, handle in handles.items()}
    world = World(platform, ids)
    secret = f"canary{secrets.token_hex(6)}"
    world.private = [f"{secret}{what}" for what in ("room", "word", "task", "plan")]
    world.public = [f"{secret}{what}" for what in ("department", "group")]
    async with platform.admin() as root:
        await _organise(root, world, ids)
        await _guest(root, world)
        await root.call(
            root.directory.DeactivatePerson,
            directory_pb.DeactivatePersonRequest(person_id=ids["gone"]),
        )
        world.deleted["person"] = ids["gone"]
        world.tokens["deactivated"] = await world.sign_in(handles["deactivated"])
        for name in ("member", "stranger", "scoped"):
            world.tokens[name] = await world.sign_in(handles[name])
        async with platform.signed_in(handles["member"]) as member:
            await _talk_and_plan(member, world)
        await root.call(
            root.directory.DeactivatePerson,
            directory_pb.DeactivatePersonRequest(person_id=ids["deactivated"]),
        )
    world.foreign["person"] = ids["member"]
    past = int(time.time()) - 3600
    world.tokens |= {
        "anonymous": "",
        "other_tenant": world.forged(),
        "expired": world.forged(
            tenant=tenant_of(world.tokens["member"]),
            sub=ids["expired"],
            iat=past,
            nbf=past,
            exp=past + 900,
        ),
    }
    await _until_everybody_knows(world, handles)
    return world


async def _organise(root: Plexus, world: World, ids: dict[str, str]) -> None:
    async def department(name: str) -> str:
        request = directory_pb.CreateDepartmentRequest(request_id=secrets.token_hex(8), name=name)
        return (await root.call(root.directory.CreateDepartment, request)).department.id

    kept, other, closed = (
        await department(world.public[0]),
        await department("elsewhere"),
        await department("closed"),
    )
    await root.call(
        root.directory.MergeDepartment,
        directory_pb.MergeDepartmentRequest(
            request_id=secrets.token_hex(8), department_id=closed, into_id=other
        ),
    )
    world.foreign["department"], world.deleted["department"] = kept, closed
    await root.call(
        root.directory.UpdatePerson,
        directory_pb.UpdatePersonRequest(
            person_id=ids["member"], department_ids=[kept], set_departments=True
        ),
    )
    for kind in ("foreign", "deleted"):
        request = directory_pb.CreateGroupRequest(
            request_id=secrets.token_hex(8),
            name=f"{world.public[1]} {kind}",
            department_id=kept,
            member_ids=[ids["member"]],
        )
        getattr(world, kind)["group"] = (
            await root.call(root.directory.CreateGroup, request)
        ).group.id
    await root.call(
        root.directory.DeleteGroup,
        directory_pb.DeleteGroupRequest(
            request_id=secrets.token_hex(8), group_id=world.deleted["group"]
        ),
    )
    await root.call(
        root.grants.BindRole,
        access_pb.BindRoleRequest(
            request_id=secrets.token_hex(8),
            role_id="admin",
            subject=f"person:{ids['scoped']}",
            scope=f"department:{other}",
        ),
    )


async def _guest(root: Plexus, world: World) -> None:
    until = Timestamp()
    until.FromDatetime(datetime.now(UTC) + timedelta(days=30))
    handle = f"guest-{secrets.token_hex(3)}"
    request = directory_pb.CreatePersonRequest(
        handle=handle,
        display_name="guest",
        kind=Person.KIND_GUEST,
        roles=["guest"],
        password=PASSWORD,
        guest_expires_at=until,
        time_zone="Asia/Shanghai",
    )
    made = await root.call(root.directory.CreatePerson, request)
    world.people["guest"] = made.person.id
    world.tokens["guest"] = await world.sign_in(handle)


async def _talk_and_plan(member: Plexus, world: World) -> None:
    async def room(name: str) -> str:
        request = messaging_pb.CreateConversationRequest(
            request_id=secrets.token_hex(8), kind=Conversation.KIND_GROUP, name=name
        )
        made = await member.call(member.messaging.CreateConversation, request)
        return str(made.conversation.id)

    world.foreign["conversation"] = await room(world.private[0])
    world.deleted["conversation"] = await room("archived")
    await member.call(
        member.messaging.UpdateConversation,
        messaging_pb.UpdateConversationRequest(
            conversation_id=world.deleted["conversation"],
            request_id=secrets.token_hex(8),
            archived=True,
        ),
    )
    await member.call(
        member.messaging.SendMessage,
        messaging_pb.SendMessageRequest(
            conversation_id=world.foreign["conversation"],
            request_id=secrets.token_hex(8),
            text=world.private[1],
        ),
    )
    project = await member.call(
        member.tasks.CreateProject,
        tasks_pb.CreateProjectRequest(request_id=secrets.token_hex(8), name=world.private[3]),
    )
    world.foreign["project"] = project.project.id
    task = await member.call(
        member.tasks.CreateTask,
        tasks_pb.CreateTaskRequest(
            request_id=secrets.token_hex(8),
            title=world.private[2],
            project_id=project.project.id,
        ),
    )
    world.foreign["task"] = task.task.id


async def _until_everybody_knows(world: World, handles: dict[str, str]) -> None:
    """Wait until search finds the hidden objects for the member who may read them."""
    async with world.platform.signed_in(handles["member"]) as member:

        async def found() -> bool:
            request = SearchRequest(query=world.private[1])
            return bool((await member.call(member.search.Search, request)).hits)

        await eventually(found, within=60)
