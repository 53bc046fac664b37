"""Processes forked from one that has imported the libraries already, for a fast start.

Of the second and a half that a process of Plexus needs to start, most goes into importing
third-party packages. Tests start thousands of them, so a fork server imports those once.
Plexus' own code is imported by each process itself, under its own environment, as in a deployment.
"""

import ctypes
import multiprocessing
import os
import runpy
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

PRELOADED: Final = (
    "aiohttp",
    "aiokafka",
    "cedarpy",
    "cryptography.hazmat.primitives.asymmetric.ed25519",
    "faststream.kafka",
    "google.protobuf.json_format",
    "grpc.aio",
    "grpc_health.v1.health_pb2_grpc",
    "opensearchpy",
    "prometheus_client",
    "pydantic_settings",
    "pymongo",
    "rich.traceback",
    "scim2_models",
    "structlog",
    "uvicorn",
    "webauthn",
)
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
_PR_SET_PDEATHSIG: Final = 1
_FIRST_INHERITED: Final = 3


class Forked:
    """A running program with the same face as `plexus_local.servers.Child`."""

    def __init__(self, command: Sequence[str], *, log: Path, env: Mapping[str, str]) -> None:
        """Start it.

        Args:
            command: `python -m MODULE ARGUMENT…`.
            log: file to which its output is appended.
            env: its whole environment.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        self.log = log
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(list(PRELOADED))
        self._process = context.Process(
            target=become, args=(list(command[2:]), str(log), dict(env)), daemon=True
        )
        self._process.start()
        self.pid = int(self._process.pid or 0)

    @property
    def exit_code(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.exitcode

    def stop(self, *, within: float = 20) -> int:
        """Ask it to end, kill it after `within` seconds, and return the exit code."""
        if self.exit_code is None:
            self._process.terminate()
            self._process.join(within)
        if self.exit_code is None:
            self._process.kill()
        self._process.join()
        return int(self._process.exitcode or 0)


def become(arguments: list[str], log: str, env: dict[str, str]) -> None:
    """Be the program: own group, own output, own environment, tied to the fork server's life."""
    os.setsid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    # One inherited descriptor is the pipe whose end signals the fork server that its user is gone:
    # kept open here, it would keep the server and all of its children alive for ever.
    os.closerange(_FIRST_INHERITED, os.sysconf("SC_OPEN_MAX"))
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for stream in (1, 2):
        os.dup2(output, stream)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = arguments[:]
    runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
