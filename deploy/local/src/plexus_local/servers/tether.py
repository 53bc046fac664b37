"""Wrapper that becomes another program, which dies with the requesting process.

Run by path as `python -I -S tether.py PARENT_PID COMMAND…`, so it imports no module of Plexus. A
wrapper is used rather than a `preexec_fn`, which may deadlock in a process with threads.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Request SIGKILL from the kernel at the parent's death, then become the command."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
            sys.exit(f"prctl failed: {os.strerror(ctypes.get_errno())}")
        if os.getppid() != parent:
            sys.exit("the parent died before its child was tied to it")

    try:
        os.execvp(command[0], command)  # noqa: S606 - becoming the command is the purpose
    except OSError as problem:
        sys.exit(f"{command[0]} cannot be run: {problem.strerror}")


main()
