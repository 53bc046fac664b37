"""`python -m audit [--role api --role ledger_writer | --provision]`."""

import argparse
import asyncio

from plexuskit import service
from plexuskit.config import load

from audit import app
from audit.config import Settings


def main() -> None:
    """Provision and return, or serve until stopped."""
    parser = argparse.ArgumentParser(prog="python -m audit", add_help=False)
    parser.add_argument("--provision", action="store_true")
    chosen, _ = parser.parse_known_args()

    if chosen.provision:
        asyncio.run(app.provision(load(Settings)))
    else:
        service.main(service=app.SERVICE, settings_type=Settings, roles=app.ROLES)


if __name__ == "__main__":
    main()
