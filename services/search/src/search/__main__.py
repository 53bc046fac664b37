"""`python -m search [--role api --role indexer | --provision]`."""

import argparse
import asyncio

from plexuskit import service
from plexuskit.config import load

from search import app
from search.config import Settings


def main() -> None:
    """Do the errand and return, or serve until told to stop."""
    parser = argparse.ArgumentParser(prog="search", add_help=False)
    parser.add_argument("--provision", action="store_true")
    chosen, _ = parser.parse_known_args()

    if chosen.provision:
        asyncio.run(app.provision(load(Settings)))
    else:
        service.main(service=app.SERVICE, settings_type=Settings, roles=app.ROLES)


if __name__ == "__main__":
    main()
