"""Every change that has a request id: repeated, repeated at once, and asked for differently (GW-6).

Methods are read from the contracts: a new one fails here until it has an example.
"""

import asyncio
import secrets
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from plexus.messaging.v1.messaging_service_pb2 import SendMessageResponse
from plexus_access.roles import BUILT_IN
from plexus_sdk import Plexus, Refused, open_channel
from plexus_testkit.harness import Platform
from plexuskit.config import MongoSection
from plexuskit.grpc import MethodInfo, requirements
from plexuskit.mongo import Database, connect

from .requests_support import REQUESTS, Scene

pytestmark = pytest.mark.rule("GW-6")

METHODS = {
    method.path.rpartition("/")[2]: method
    for _, method in sorted(requirements().items())
    if "request_id" in method.request_class.DESCRIPTOR.fields_by_name
}
CASES = [(name, number) for name in METHODS for number in range(len(REQUESTS.get(name, ())))]
# It hides the conversation from its caller (GW-2), so a repeat is refused before it is recognised.
HIDING = {"LeaveConversation"}
# Of the first answer alone: whether it was one, and a secret.
OF_FIRST = ("deduplicated", "secret")


@pytest.fixture(scope="module")
async def channel(platform: Platform) -> Any:
    async with open_channel(platform.grpc_address) as opened:
        yield opened


@pytest.fixture(scope="module")
async def scene(platform: Platform) -> Any:
    handles = await platform.new_people("ann", "bob")
    async with (
        platform.admin() as root,
        platform.signed_in(handles["ann"]) as ann,
        platform.signed_in(handles["bob"]) as bob,
    ):
        made = Scene(root=root, ann=ann, bob=bob)
        made.shared = await made.room()
        yield made


def test_gw_06_every_method_with_a_request_id_has_an_example() -> None:
    assert REQUESTS.keys() == METHODS.keys()


@pytest.mark.parametrize(("name", "number"), CASES)
async def test_gw_06_a_change_has_one_effect_and_its_id_is_of_this_change_alone(
    platform: Platform, channel: grpc.aio.Channel, scene: Scene, name: str, number: int
) -> None:
    method, example = METHODS[name], REQUESTS[name][number]
    caller = _caller(scene, method)
    request_id = secrets.token_hex(8)
    request, other = await example(scene), await example(scene)
    for each in (request, other):
        each.request_id = request_id  # type: ignore[attr-defined]
    assert request != other

    async def ask(message: Message) -> Message | str:
        return await _asked(caller, _stub(channel, method), message)

    first, copy = await asyncio.gather(ask(request), ask(request))
    again, refused = await ask(request), await ask(other)

    answers = [each for each in (first, copy, again) if isinstance(each, Message)]
    assert answers, (first, copy, again)
    assert len({_same(each) for each in answers}) == 1
    if name not in HIDING:
        assert len(answers) == 3, (first, copy, again)
    assert refused == "REQUEST_ID_REUSED"
    assert await _is_recorded(platform, method, caller, request_id) != _posts(method)


def _caller(scene: Scene, method: MethodInfo) -> Plexus:
    """Return the member where members may call it, else the administrator."""
    return scene.ann if method.requirement.permission in BUILT_IN["member"] else scene.root


def _stub(channel: grpc.aio.Channel, method: MethodInfo) -> Any:
    return channel.unary_unary(
        method.path,
        request_serializer=method.request_class.SerializeToString,
        response_deserializer=method.response_class.FromString,
    )


async def _asked(caller: Plexus, stub: Any, message: Message) -> Message | str:
    """Return the answer, or the reason of the refusal."""
    try:
        answer: Message = await caller.call(stub, message)
    except Refused as refused:
        return str(refused.reason)
    return answer


def _same(answer: Message) -> bytes:
    """Return what the answers to one request have in common."""
    for message in (answer, *_below(answer)):
        for name in OF_FIRST:
            if name in message.DESCRIPTOR.fields_by_name:
                message.ClearField(name)
    return answer.SerializeToString(deterministic=True)


def _below(answer: Message) -> list[Message]:
    below: list[Message] = []
    for field, value in answer.ListFields():
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            below += list(value) if field.is_repeated else [value]
    return below


def _posts(method: MethodInfo) -> bool:
    """Tell whether it answers how messages were stored: the log keeps their ids (MSG-3)."""
    answer, stored = method.response_class.DESCRIPTOR, SendMessageResponse.DESCRIPTOR
    return answer is stored or any(field.message_type is stored for field in answer.fields)


async def _is_recorded(
    platform: Platform, method: MethodInfo, caller: Plexus, request_id: str
) -> bool:
    """Tell whether the service has the record of the one mechanism."""
    database = f"plexus_{method.service}"
    async with connect(MongoSection(url=platform.mongo_url, database=database)) as db:
        return await _count(db, f":{caller.profile.person_id}:{request_id}") == 1


async def _count(db: Database, key: str) -> int:
    found = await db.collection("requests", schema_version=2).find_all({})
    return len([each for each in found if each["_id"].endswith(key)])
