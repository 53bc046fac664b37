"""Access matrix of every RPC of every service by every kind of caller: GW-1, GW-2, GW-4, GW-5.

Methods are read from the contracts, and the expected answer follows from the permission that each
declares: a new method is in the matrix without a new test.
"""

import asyncio
import re
from collections import Counter
from dataclasses import dataclass

import grpc
import pytest
from google.protobuf.descriptor import FieldDescriptor
from plexus_access.roles import BUILT_IN
from plexus_testkit.wait import eventually
from plexuskit.grpc import Ending, refused, requirements

OUTSIDERS = ("other_tenant", "guest", "stranger", "scoped")
ROLES = {
    "other_tenant": ("member",),
    "guest": ("guest",),
    "stranger": ("member",),
    "scoped": ("member", "admin"),
    "member": ("member",),
}
ENDED = {"anonymous": "TOKEN_MISSING", "expired": "TOKEN_EXPIRED", "deactivated": "SESSION_ENDED"}
# These end the session that calls them, so each cell has a session of its own.
ENDING = {"SignOut", "RevokeSessions", "SetPassword", "RemoveSecondFactor"}
METHODS = {
    path: method
    for path, method in sorted(requirements().items())
    if not method.requirement.internal
}
WITH_MEMBERS = {"conversation", "project", "task"}
# Status codes that an owner may return before it looks at the object; the same for every id.
HIDDEN = {
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.FAILED_PRECONDITION,
}
SECONDS = 20
# Transient statuses, which reveal nothing about the object.
BUSY = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}
AGAIN = 2


@dataclass(frozen=True)
class Answer:
    """The result of a call without the ids of its request."""

    code: grpc.StatusCode
    reason: str = ""
    domain: str = ""
    text: str = ""
    metadata: tuple[tuple[str, str], ...] = ()
    content: bytes = b""


@pytest.fixture(scope="module")
async def channel(platform):
    async with grpc.aio.insecure_channel(platform.grpc_address) as opened:
        yield opened


def filled(method, ids):
    """Build a request with ids unknown to the caller in every field that can hold one."""
    request = method.request_class()
    _fill(request, ids, depth=0)
    return request


def _fill(message, ids, *, depth):
    for field in message.DESCRIPTOR.fields:
        kind = re.sub(r"_ids?$", "", field.name)
        named = field.type == FieldDescriptor.TYPE_STRING and field.name != kind
        if named and kind in ids:
            value = ids[kind]
            if field.is_repeated:
                getattr(message, field.name).append(value)
            elif (
                field.containing_oneof is None
                or message.WhichOneof(field.containing_oneof.name) is None
            ):
                setattr(message, field.name, value)
        elif field.name == "request_id":
            message.request_id = f"matrix-{ids['marker']}"
        elif field.type == FieldDescriptor.TYPE_MESSAGE and depth < 2:
            if field.message_type.GetOptions().map_entry:
                continue
            if field.message_type.full_name.startswith("google."):
                continue
            inner = message.__class__.DESCRIPTOR and field.message_type._concrete_class()
            _fill(inner, ids, depth=depth + 1)
            if inner.ByteSize():
                target = getattr(message, field.name)
                target.add().CopyFrom(inner) if field.is_repeated else target.CopyFrom(inner)


async def ask(channel, method, request, token):
    """Call a method; repeat it, as clients do, when the machine was too busy to answer."""
    answer = await _asked(channel, method, request, token)
    for _ in range(AGAIN):
        if answer.code not in BUSY:
            break
        await asyncio.sleep(1)
        answer = await _asked(channel, method, request, token)
    return answer


async def _asked(channel, method, request, token):
    """Call a method of any shape and return its result."""
    metadata = (("authorization", f"Bearer {token}"),) if token else ()
    raw = request.SerializeToString()
    if method.client_streaming:
        make = channel.stream_stream if method.server_streaming else channel.stream_unary
        call = make(method.path)(_one(raw), metadata=metadata, timeout=SECONDS)
        ending = Ending(call)
        try:
            # Iterating also yields the true status behind a first answer (`Ending`).
            await (anext(aiter(call), None) if method.server_streaming else call)
        except grpc.aio.AioRpcError as error:
            return _answer(await ending.of(error))
        if method.server_streaming and not call.done():
            call.cancel()
            return Answer(code=grpc.StatusCode.OK)
        return await _status_of(call)
    make = channel.unary_stream if method.server_streaming else channel.unary_unary
    call = make(method.path)(raw, metadata=metadata, timeout=SECONDS)
    try:
        content = await (call.read() if method.server_streaming else call)
    except grpc.aio.AioRpcError:
        return await _status_of(call)
    if method.server_streaming and not call.done():
        call.cancel()
        return Answer(code=grpc.StatusCode.OK, content=content or b"")
    return Answer(code=await call.code(), content=content if isinstance(content, bytes) else b"")


async def _one(raw):
    """Yield one request of a stream, which then stays open for a moment."""
    yield raw
    await asyncio.sleep(1)


async def _status_of(call):
    """Return the result of a call that has ended."""
    trailing = await call.trailing_metadata()
    if await call.code() is grpc.StatusCode.OK:
        return Answer(code=grpc.StatusCode.OK)
    return _answer(
        grpc.aio.AioRpcError(
            await call.code(), await call.initial_metadata(), trailing, await call.details()
        )
    )


def _answer(error):
    told = refused(error)
    return Answer(
        code=error.code(),
        reason=told.reason,
        domain=getattr(told, "domain", ""),
        text=error.details() or "",
        metadata=tuple(sorted(told.metadata.items())),
    )


def plain(answer, ids):
    """Return an answer without the ids of its request."""

    def without(text):
        for kind, id_ in ids.items():
            text = text.replace(id_, f"<{kind}>")
        return text

    metadata = tuple((key, without(value)) for key, value in answer.metadata)
    return Answer(answer.code, answer.reason, answer.domain, without(answer.text), metadata)


def kinds_of(world, which, varied):
    """Return an id for every kind: the selected one for varied kinds, guessed for all others."""
    return {
        kind: world.ids(kind)[which if kind in varied else "guessed"] for kind in world.foreign
    } | {"marker": which}


def token_of(world, who, method):
    if method.path.rpartition("/")[2] in ENDING:
        if who in world.people:
            return world.forged_for(who)
        if who == "other_tenant":
            return world.forged(sub="per_leaving")
    return world.tokens[who]


def holds(who, permission):
    return any(permission in BUILT_IN[role] for role in ROLES[who])


PROTECTED = sorted(path for path, method in METHODS.items() if not method.requirement.public)


async def test_gw_01_nobody_gets_in_without_a_token_that_is_good(channel, world):
    """Every method refuses a missing, expired or revoked token with the same reason."""

    async def out():
        method = METHODS[PROTECTED[0]]
        answer = await ask(channel, method, method.request_class(), world.tokens["deactivated"])
        return answer.reason == "SESSION_ENDED"

    await eventually(out, within=30)
    wrong = []
    for path in PROTECTED:
        method = METHODS[path]
        for who, reason in ENDED.items():
            for which in ("foreign", "guessed"):
                request = filled(method, kinds_of(world, which, set(world.foreign)))
                answer = await ask(channel, method, request, world.tokens[who])
                if (answer.code, answer.reason) != (grpc.StatusCode.UNAUTHENTICATED, reason):
                    wrong.append((path, who, which, answer))
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.parametrize("who", OUTSIDERS)
async def test_gw_02_what_is_hidden_is_absent_in_every_method(channel, world, who):
    """An existing, a deleted and a guessed object give the same answer without hidden content."""
    wrong, cells = [], Counter()
    # Members may read the directory of their company.
    company = who in {"stranger", "scoped"}
    hidden = WITH_MEMBERS if company else set(world.foreign)
    canaries = world.private if company else world.private + world.public
    for path in PROTECTED:
        method = METHODS[path]
        required = method.requirement
        answers = {}
        for which in ("foreign", "deleted", "guessed"):
            ids = kinds_of(world, which, hidden | {required.resource})
            token = token_of(world, who, method)
            answer = await ask(channel, method, filled(method, ids), token)
            if any(each.encode() in answer.content or each in str(answer) for each in canaries):
                wrong.append((path, which, "leaks", answer))
            answers[which] = plain(answer, ids)
            cells[answer.code.name] += 1
        told = answers["foreign"]
        if not holds(who, required.permission):
            expected = (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_MISSING")
            if (told.code, told.reason) != expected:
                wrong.append((path, "expected PERMISSION_MISSING", told))
        elif required.resource and told.code not in HIDDEN:
            wrong.append((path, "expected NOT_FOUND", told))
        if (required.resource or told.code is not grpc.StatusCode.OK) and len(
            set(answers.values())
        ) > 1:
            wrong.append((path, "differs", answers))
    assert cells.total() == 3 * len(PROTECTED)
    assert not wrong, "\n".join(map(str, wrong))


async def test_gw_01_who_belongs_is_let_through_in_every_method(channel, world):
    """The gateway refuses a member no method that the declared permission allows."""
    wrong = []
    for path in PROTECTED:
        method = METHODS[path]
        required = method.requirement
        # Runs last, and uses guessed ids where a call could destroy an object.
        which = "foreign" if not required.effect else "guessed"
        token = token_of(world, "member", method)
        request = filled(method, kinds_of(world, which, set(world.foreign)))
        answer = await ask(channel, method, request, token)
        missing = (answer.reason, answer.domain) == ("PERMISSION_MISSING", "plexus.gateway")
        if missing == holds("member", required.permission):
            wrong.append((path, answer))
        if required.resource in WITH_MEMBERS and not required.effect and not missing:
            of_gateway = answer.code is grpc.StatusCode.NOT_FOUND and answer.reason in {
                "CONVERSATION_NOT_FOUND",
                "TASK_NOT_FOUND",
                "PROJECT_NOT_FOUND",
            }
            if of_gateway:
                wrong.append((path, answer))
    assert not wrong, "\n".join(map(str, wrong))


def test_gw_01_every_method_is_in_the_matrix():
    services = {path.split("/")[1] for path in METHODS}
    assert len(METHODS) > 100
    assert {name.split(".")[1] for name in services} == {
        "audit",
        "directory",
        "gateway",
        "messaging",
        "notify",
        "search",
        "tasks",
    }
