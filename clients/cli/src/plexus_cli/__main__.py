"""The `plexus` command.

Exit codes: 0 done, 1 refused (the reason is on standard error), 2 wrong usage, 3 the output cannot
be written, 130 interrupted, 141 the output pipe was closed.
"""

import os
import sys

# The interpreter has loaded it already; `signal` imports others, and an interrupt may arrive then.
from _signal import SIGINT, signal  # type: ignore[import-not-found] # no stubs of it

CANNOT_WRITE, INTERRUPTED, READER_GONE = 3, 130, 141
OF_EVERY_COMMAND = ("--url", "--as")


def _stop(*_: object) -> None:
    """Exit at once: no work has begun."""
    os.write(2, b"Interrupted.\n")
    os._exit(INTERRUPTED)


signal(SIGINT, _stop)


def hoisted(arguments: list[str]) -> list[str]:
    """Move `--url` and `--as` to the front: they may occur anywhere before `--`."""
    front: list[str] = []
    rest: list[str] = []
    waiting = iter(arguments)
    for argument in waiting:
        if argument == "--":
            rest += [argument, *waiting]
        elif argument in OF_EVERY_COMMAND:
            front += [argument, *(value for value in [next(waiting, None)] if value is not None)]
        elif argument.startswith(tuple(f"{name}=" for name in OF_EVERY_COMMAND)):
            front.append(argument)
        else:
            rest.append(argument)
    return front + rest


def main() -> None:
    """Run the command on the command line."""
    code = 0
    try:
        # Imports from here on can be interrupted as well.
        from plexus_cli.running import run  # noqa: PLC0415

        code = run(hoisted(sys.argv[1:]))
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = INTERRUPTED
        _complain("Interrupted.")
    except BrokenPipeError:
        code = READER_GONE
    except OSError as error:
        if not _is_of_output(error):
            raise
        code = CANNOT_WRITE
        _complain("The output cannot be written: {error}", error=error.strerror or "")
    if code in {READER_GONE, CANNOT_WRITE}:
        # The interpreter would try again to write the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def _is_of_output(error: OSError) -> bool:
    """Return whether a write to standard output failed, rather than one to a command's file."""
    import errno  # noqa: PLC0415 - after the signal handler

    full = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
    return error.errno in full and error.filename is None


def _complain(text: str, **values: str) -> None:
    from plexus_cli.language import tr  # noqa: PLC0415 - after the signal handler

    sys.stderr.write(tr(text, **values) + "\n")


if __name__ == "__main__":
    main()
