"""One mechanism for each promise: a second implementation fails here.

Each mechanism has its home and a way to find copies in a syntax tree. A copy that must exist
elsewhere is an exception with its reason.
"""

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
SOURCES: Final = ("bench/src", "clients/*/src", "deploy/*/src", "libs/*/src", "services/*/src")
GENERATED: Final = "libs/protos/src/"

Find = Callable[[ast.AST], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mechanism:
    """A promise that is kept in one place.

    Attributes:
        homes: the files that implement it.
        find: returns whether a node of a syntax tree is the mechanism or a copy of it.
        copies: source lines that `find` must report.
        others: source lines that `find` must not report.
        exceptions: files that may contain a copy, each with the reason.
        parts: beginnings of the paths that are searched.
    """

    homes: frozenset[str]
    find: Find
    copies: tuple[str, ...]
    others: tuple[str, ...]
    exceptions: Mapping[str, str]
    parts: tuple[str, ...] = ("",)


def _backs_off(node: ast.AST) -> bool:
    """Return whether a node doubles a pause or adds random jitter to it."""
    match node:
        case ast.Attribute(value=ast.Name(id="random"), attr="uniform") | ast.alias(name="uniform"):
            return True
        case ast.BinOp(left=ast.Constant(value=2), op=ast.Pow(), right=right):
            return not isinstance(right, ast.Constant)
        case ast.Call(func=ast.Name(id="min"), args=args):
            return any(_doubles(arg) for arg in args)
    return False


def _doubles(node: ast.AST) -> bool:
    match node:
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            sides = (left, right)
            return any(isinstance(side, ast.Constant) and side.value == 2 for side in sides)
    return False


_CONVERSIONS: Final = frozenset(
    {
        "FromDatetime",
        "FromMilliseconds",
        "FromSeconds",
        "FromTimedelta",
        "ToDatetime",
        "ToMilliseconds",
        "ToSeconds",
        "ToTimedelta",
        "nanos",
    }
)


def _converts_time(node: ast.AST) -> bool:
    """Return whether a node converts a Timestamp or Duration, or reads its nanoseconds to do so."""
    match node:
        case ast.Attribute(attr=name):
            return name in _CONVERSIONS
        case ast.Call(func=ast.Name(id="Timestamp" | "Duration"), keywords=fields):
            return any(field.arg == "nanos" for field in fields)
    return False


def _replaces_older(node: ast.AST) -> bool:
    """Return whether a node replaces a whole document conditionally on its stored state."""
    return isinstance(node, ast.Constant) and node.value in {"$replaceWith", "$replaceRoot"}


def _fills_buckets(node: ast.AST) -> bool:
    """Return whether a node implements a token bucket: its refill, or the wait for a token."""
    match node:
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            sides = (left, right)
            elapsed = any(isinstance(side, ast.BinOp) for side in sides)
            return elapsed and any(_is_rate(side) for side in sides)
        case ast.BinOp(op=ast.Div(), right=right):
            return _is_rate(right)
    return False


def _is_rate(node: ast.AST) -> bool:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name.lstrip("_") in {"per_second", "per_minute", "rate"}
    return False


def _connects(node: ast.AST) -> bool:
    """Return whether a node opens a channel to another service."""
    match node:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name in {"channel", "insecure_channel", "open_channel", "secure_channel"}
    return False


def _frames(node: ast.AST) -> bool:
    """Return whether a node creates handlers, counts calls or drains a server as the frame does."""
    match node:
        case ast.Attribute(attr=name):
            return name.endswith("_rpc_method_handler") or name == "enter_graceful_shutdown"
        case ast.alias(name=name):
            return name == "RPC_SECONDS" or name.endswith("_rpc_method_handler")
    return False


MECHANISMS: Final[Mapping[str, Mechanism]] = {
    "back-off": Mechanism(
        homes=frozenset(
            {
                "libs/plexuskit/src/plexuskit/backoff.py",
                # The SDK is published separately and depends on the contracts only.
                "clients/python/src/plexus_sdk/backoff.py",
            }
        ),
        find=_backs_off,
        copies=(
            "await asyncio.sleep(pause * random.uniform(0.5, 1.0))",
            "from random import uniform",
            "pause = min(pause * 2, MAX_PAUSE)",
            "pause = min(MAX_PAUSE, 2.0 * pause)",
            "lock = FIRST_LOCK * 2**doublings",
            "wait = FIRST * 2.0 ** min(failures, 10)",
        ),
        others=(
            "LARGEST = 2**53 - 1",
            "random.shuffle(due)",
            "size = 2 * len(items)",
            "strikes = Random(seed).uniform(0.05, 1.5)",
        ),
        exceptions={
            "services/messaging/src/messaging/messages/queries/shown.py": (
                "doubles how many are read at once"
            )
        },
    ),
    "timestamps": Mechanism(
        homes=frozenset({"libs/plexuskit/src/plexuskit/timestamps.py"}),
        find=_converts_time,
        copies=(
            "stamp.FromDatetime(at)",
            "at = message.sent_at.ToDatetime(tzinfo=UTC)",
            "wait = retry.retry_delay.ToTimedelta()",
            "at = datetime.fromtimestamp(stamp.seconds + stamp.nanos / 1e9, tz=UTC)",
            "stamp = Timestamp(seconds=seconds, nanos=micros * 1_000)",
        ),
        others=("from google.protobuf.timestamp_pb2 import Timestamp", "Timestamp(seconds=60)"),
        exceptions={
            "clients/cli/src/plexus_cli/chain.py": "verifies chains by code of its own",
            "clients/cli/src/plexus_cli/slack/conversations.py": "exports count microseconds",
            "clients/python/src/plexus_sdk/errors.py": "the SDK depends on the contracts only",
            "clients/python/src/plexus_sdk/tasks.py": "the SDK depends on the contracts only",
            "libs/plexuskit/src/plexuskit/bounds/checks.py": "checks the numbers themselves",
            "services/messaging/src/messaging/log/events/seals.py": "digests numbers, not instants",
            "services/tasks/src/tasks/api/translation.py": "the domain refuses by the numbers",
        },
    ),
    "gRPC server frame": Mechanism(
        homes=frozenset(
            f"libs/plexuskit/src/plexuskit/grpc/{name}.py"
            for name in ("frame", "handlers", "server")
        ),
        find=_frames,
        copies=(
            "make = grpc.unary_unary_rpc_method_handler",
            "from plexuskit.metrics import RPC_SECONDS",
            "await status.enter_graceful_shutdown()",
        ),
        others=("serve = framed(begin, admit=admit, behaviour=behaviour)",),
        exceptions={
            "bench/src/plexus_bench/access/owners.py": "a stand-in for owners, without a frame",
            "libs/plexus-testkit/src/plexus_testkit/companies.py": "a stand-in for directory",
        },
    ),
    "newer-wins upserts": Mechanism(
        homes=frozenset({"libs/plexuskit/src/plexuskit/mongo/projecting.py"}),
        find=_replaces_older,
        copies=(
            'UpdateOne(key, [{"$replaceWith": {"$cond": [older, new, "$$ROOT"]}}], upsert=True)',
            'stages = [{"$replaceRoot": {"newRoot": new}}]',
        ),
        others=("ReplaceOne(key, document, upsert=True)",),
        exceptions={},
    ),
    "peer clients": Mechanism(
        homes=frozenset(
            {
                "libs/plexuskit/src/plexuskit/grpc/client.py",
                "libs/plexuskit/src/plexuskit/grpc/peers.py",
            }
        ),
        find=_connects,
        copies=(
            "opened = channel(target, audience=name, signer=signer, service=SERVICE)",
            "raw = grpc.aio.insecure_channel(target)",
            "plain = open_channel(target, tls=tls)",
        ),
        others=('owners = peers("directory", settings=settings)', "queue = channels[name]"),
        exceptions={
            "services/gateway/src/gateway/live/router.py": "one connection to each process",
            "services/gateway/src/gateway/live/presence_reports.py": "signs in people's names",
            "services/gateway/src/gateway/proxy/owners.py": "forwards bytes in people's names",
        },
        # Clients, benchmarks and the test kit call the gateway as any client does.
        parts=("libs/access/", "libs/plexuskit/", "services/"),
    ),
    "token buckets": Mechanism(
        homes=frozenset({"libs/plexuskit/src/plexuskit/buckets.py"}),
        find=_fills_buckets,
        copies=(
            "gained = (now - bucket.at) * self.per_second",
            "wait = (1 - tokens) / self._rate",
            "interval = 1 / per_second",
        ),
        others=("twice = rate.per_second * times", "mean = total / len(rates)"),
        exceptions={"bench/src/plexus_bench/shapes.py": "spaces the sends that it makes itself"},
    ),
}


@cache
def found(name: str) -> Mapping[str, list[int]]:
    """Return the files that contain a mechanism, with the lines."""
    find = MECHANISMS[name].find
    lines = {
        path: [_line(node) for node in _nodes(tree) if find(node)]
        for path, tree in trees()
        if path.startswith(MECHANISMS[name].parts)
    }
    return {path: each for path, each in lines.items() if each}


@cache
def trees() -> list[tuple[str, ast.Module]]:
    """Return the syntax trees of all code except tests."""
    listed = sorted(
        path.relative_to(ROOT).as_posix()
        for part in SOURCES
        for folder in ROOT.glob(part)
        for path in folder.rglob("*.py")
    )
    return [
        (path, ast.parse((ROOT / path).read_text(encoding="utf-8")))
        for path in listed
        if not path.startswith(GENERATED)
    ]


def _nodes(tree: ast.Module) -> Iterator[ast.AST]:
    return ast.walk(tree)


def _line(node: ast.AST) -> int:
    line: int = getattr(node, "lineno", 0)
    return line


@pytest.mark.parametrize("name", MECHANISMS)
def test_a_mechanism_has_no_copy(name: str) -> None:
    mechanism = MECHANISMS[name]
    allowed = mechanism.homes | mechanism.exceptions.keys()
    copies = {path: lines for path, lines in found(name).items() if path not in allowed}
    assert copies == {}, f"use {', '.join(sorted(mechanism.homes))}"


@pytest.mark.parametrize("name", MECHANISMS)
def test_every_home_and_every_exception_is_still_needed(name: str) -> None:
    mechanism = MECHANISMS[name]
    assert mechanism.homes | mechanism.exceptions.keys() <= found(name).keys()


@pytest.mark.parametrize("name", MECHANISMS)
def test_copies_are_recognised_and_nothing_else(name: str) -> None:
    mechanism = MECHANISMS[name]

    def finds(source: str) -> bool:
        return any(mechanism.find(node) for node in _nodes(ast.parse(source)))

    assert [source for source in mechanism.copies if not finds(source)] == []
    assert [source for source in mechanism.others if finds(source)] == []
