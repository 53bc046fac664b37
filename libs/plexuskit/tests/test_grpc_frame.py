"""The frame of every server: the admission hook comes first, and each call ends with one status."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
from plexus_testkit import FrozenClock
from plexuskit.errors import Kind, Refusal
from plexuskit.grpc import requirements
from plexuskit.grpc.frame import SUCCEEDED, Call, Frame, Outcome, framed
from plexuskit.grpc.status import answer
from prometheus_client import REGISTRY

METHOD = requirements()["/plexus.directory.v1.DirectoryService/GetPerson"]


class NotAdmitted(Refusal):
    kind = Kind.PERMISSION_DENIED
    text = "You cannot come in."


class _Call(Call):
    def outcome(self, error: BaseException | None) -> Outcome:
        if error is None:
            return SUCCEEDED
        if isinstance(error, Refusal):
            refused = answer(error, domain="plexus.test")
            return refused.code, refused
        return grpc.StatusCode.CANCELLED, None


class _Context:
    def __init__(self) -> None:
        self.aborted: list[grpc.StatusCode] = []

    async def abort(self, code: grpc.StatusCode, _text: str, _trailing: Any) -> None:
        self.aborted.append(code)


@pytest.fixture
def calls() -> list[Any]:
    return []


@pytest.fixture
def frame() -> Frame:
    return Frame(clock=FrozenClock(datetime(2036, 1, 1, tzinfo=UTC)))


@pytest.fixture
def serve(frame, calls):
    """Make a method whose hook raises an error or returns a caller, and whose body does so too."""

    def made(*, hook: BaseException | None = None, body: BaseException | None = None):
        async def admit(_: _Call, __: Any) -> str:
            calls.append("admit")
            if hook is not None:
                raise hook
            return "ann"

        async def behaviour(request: Any, _: Any, admitted: str) -> Any:
            calls.append((request, admitted))
            if body is not None:
                raise body
            return "answer"

        return framed(lambda _: _Call(frame, METHOD, ""), admit=admit, behaviour=behaviour)

    return made


def counted(code: str) -> float:
    labels = {"rpc_method": METHOD.path[1:], "rpc_response_status_code": code}
    return REGISTRY.get_sample_value("rpc_server_call_duration_seconds_count", labels) or 0.0


async def test_the_hook_comes_first_and_the_method_gets_what_it_returned(serve, calls):
    before = counted("OK")
    assert await serve()("request", _Context()) == "answer"
    assert calls == ["admit", ("request", "ann")]
    assert counted("OK") == before + 1


async def test_who_is_not_admitted_is_refused_before_the_method_runs(serve, calls):
    context, before = _Context(), counted("PERMISSION_DENIED")
    await serve(hook=NotAdmitted())("request", context)
    assert calls == ["admit"]
    assert context.aborted == [grpc.StatusCode.PERMISSION_DENIED]
    assert counted("PERMISSION_DENIED") == before + 1


async def test_a_refusal_of_the_method_is_answered_once(serve):
    context = _Context()
    await serve(body=NotAdmitted())("request", context)
    assert context.aborted == [grpc.StatusCode.PERMISSION_DENIED]


async def test_a_cancelled_call_is_counted_and_stays_cancelled(serve):
    context, before = _Context(), counted("CANCELLED")
    with pytest.raises(asyncio.CancelledError):
        await serve(body=asyncio.CancelledError())("request", context)
    assert context.aborted == []
    assert counted("CANCELLED") == before + 1
