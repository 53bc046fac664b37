"""`python -m search [--role api --role indexer | --provision | --rebuild TYPE [--shards N]]`."""

import argparse
import asyncio

from plexuskit import service
from plexuskit.config import load

from search import app
from search.config import Settings
from search.kinds import KINDS


def main() -> None:
    """Run a one-off command and return, or serve until stopped."""
    parser = argparse.ArgumentParser(prog="search", add_help=False)
    errand = parser.add_mutually_exclusive_group()
    errand.add_argument("--provision", action="store_true")
    errand.add_argument("--rebuild", choices=KINDS.names)
    parser.add_argument("--shards", type=int, default=1)
    parser.add_argument("--restart", action="store_true")
    chosen, _ = parser.parse_known_args()

    if chosen.provision:
        asyncio.run(app.provision(load(Settings)))
    elif chosen.rebuild:
        type_ = KINDS.named(chosen.rebuild)
        settings = load(Settings)
        asyncio.run(app.rebuild(settings, type_, shards=chosen.shards, restart=chosen.restart))
    else:
        service.main(service=app.SERVICE, settings_type=Settings, roles=app.ROLES)


if __name__ == "__main__":
    main()
