"""`python -m plexus_local.web build | check | proto`."""

import subprocess
import sys
from pathlib import Path

from plexus_local import show
from plexus_local.web.build import build, check, generate
from plexus_local.web.node import NodeMissing

_USAGE = 2
_NODE_MISSING = 3


def main(arguments: list[str]) -> int:
    """Run one command; return 3 if Node is missing, 1 if the command failed."""
    checkout = Path.cwd()
    try:
        match arguments:
            case ["build"]:
                done = build(checkout)
                show.line("Built clients/web/dist." if done else "clients/web/dist is up to date.")
            case ["check"]:
                check(checkout)
            case ["proto"]:
                generate(checkout, buf=Path(sys.executable).with_name("buf"))
            case _:
                show.line(str(__doc__))
                return _USAGE
    except NodeMissing as missing:
        show.line(str(missing))
        # `make proto` has already written the Python code, which is all that the services need.
        return 0 if arguments == ["proto"] else _NODE_MISSING
    except subprocess.CalledProcessError as failed:
        show.line(f"`{' '.join(map(str, failed.cmd))}` failed in clients/web.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
