"""`python -m directory [--role api --role relay | --provision | --rotate-signing-keys]`."""

import argparse
import asyncio

from plexuskit import service
from plexuskit.config import load

from directory import app
from directory.config import Settings


def main() -> None:
    """Run a one-off command and return, or serve until stopped."""
    parser = argparse.ArgumentParser(prog="directory", add_help=False)
    errand = parser.add_mutually_exclusive_group()
    errand.add_argument("--provision", action="store_true")
    errand.add_argument("--rotate-signing-keys", action="store_true")
    chosen, _ = parser.parse_known_args()

    if chosen.provision:
        asyncio.run(app.provision(load(Settings)))
    elif chosen.rotate_signing_keys:
        app.rotate_signing_keys(load(Settings))
    else:
        service.main(service=app.SERVICE, settings_type=Settings, roles=app.ROLES)


if __name__ == "__main__":
    main()
