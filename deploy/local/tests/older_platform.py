"""A platform of an older release on servers of its own; never imported.

Runs with that release's code on its path. Argument: a folder for its data. Prints its addresses as
JSON, and stops everything when its input ends.
"""

import asyncio
import json
import sys
from pathlib import Path

from plexus_local.fresh import fresh
from plexus_local.table import CHAT


def main(directory: Path) -> None:
    with fresh(directory, entries=CHAT) as platform:
        asyncio.run(platform.init())
        place = {"grpc": platform.ports["gateway.grpc"], "mongo": platform.urls.mongo}
        sys.stdout.write(json.dumps(place) + "\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
