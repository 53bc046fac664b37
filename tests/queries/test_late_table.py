"""Deadlines of every RPC: each meets its own at its largest size or is listed with a reason."""

from importlib import import_module
from pathlib import Path
from types import FunctionType

from .largest import EXCUSED, declared, every_rpc


def measured_anywhere() -> frozenset[str]:
    """Return the RPCs that the latency tests declare; each fails unless it measures its own."""
    package = __name__.rpartition(".")[0]
    files = sorted(Path(__file__).parent.glob("test_late_*.py"))
    modules = [import_module(f"{package}.{file.stem}") for file in files]
    tests = [
        each
        for module in modules
        for each in vars(module).values()
        if isinstance(each, FunctionType) and each.__name__.startswith("test_")
    ]
    return frozenset[str]().union(*map(declared, tests))


def test_every_rpc_is_measured_at_its_largest_size_or_listed_with_a_reason() -> None:
    measured = measured_anywhere()

    assert measured | EXCUSED.keys() >= every_rpc(), sorted(every_rpc() - measured - EXCUSED.keys())
    assert measured <= every_rpc(), f"no RPC: {sorted(measured - every_rpc())}"
    assert not measured & EXCUSED.keys(), f"both: {sorted(measured & EXCUSED.keys())}"
    assert EXCUSED.keys() <= every_rpc(), f"no RPC: {sorted(EXCUSED.keys() - every_rpc())}"
