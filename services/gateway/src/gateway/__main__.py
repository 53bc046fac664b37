"""`python -m gateway [--role api]`."""

from plexuskit import service

from gateway import app
from gateway.config import Settings


def main() -> None:
    """Serve until stopped."""
    service.main(service=app.SERVICE, settings_type=Settings, roles=app.ROLES)


if __name__ == "__main__":
    main()
