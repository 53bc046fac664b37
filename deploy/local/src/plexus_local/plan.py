"""Plan of a run as data: stages of jobs and processes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


class JobFailed(Exception):  # noqa: N818 - names the fact, like a refusal
    """A job of the start failed; the text is the reason."""


def nothing() -> None:
    """Do nothing: most processes need no preparation."""


@dataclass(frozen=True, kw_only=True)
class Process:
    """A program that is kept running.

    Attributes:
        name: Unique in the plan.
        command: Returns the program and its arguments, once prepared.
        ready: Checks once, for at most about two seconds, whether it serves.
        log: File of its output.
        env: Its complete environment; None for the supervisor's own.
        port: The port to show, if any.
        prepare: Action before its first start; may take minutes.
        settle: Action each time it has become ready.
        start_seconds: Maximum time until it is ready.
        stop_seconds: Maximum time to end before it is killed.
    """

    name: str
    command: Callable[[], Sequence[str]]
    ready: Callable[[], bool]
    log: Path
    env: Mapping[str, str] | None = None
    port: int | None = None
    prepare: Callable[[], None] = nothing
    settle: Callable[[], None] = nothing
    start_seconds: float = 90
    stop_seconds: float = 25


@dataclass(frozen=True, kw_only=True)
class Job:
    """An action performed once before the processes of its stage start; raises JobFailed."""

    name: str
    run: Callable[[], None]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Jobs and processes that start together; the next stage waits until all are ready."""

    jobs: Sequence[Job] = ()
    processes: Sequence[Process] = ()


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All stages in the order of their start; they are stopped in the reverse order."""

    stages: Sequence[Stage]
    addresses: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()

    @property
    def processes(self) -> list[Process]:
        """All processes in the order of their start."""
        return [process for stage in self.stages for process in stage.processes]
