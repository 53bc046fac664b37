"""Keys and secrets of the local run, made once."""

import json
import secrets
from collections.abc import Sequence

from plexuskit.grpc.keys import generate_keys

from plexus_local.layout import Layout, write_whole


def make_keys(layout: Layout, *, services: Sequence[str]) -> None:
    """Write each service's file with its own private key and everybody's public keys.

    Existing files stay; when one is missing all are made anew, because each knows all others.
    """
    if all((layout.keys / f"{service}.json").is_file() for service in services):
        return
    for service, content in generate_keys(services).items():
        write_whole(layout.keys / f"{service}.json", json.dumps(content), mode=0o600)


def make_bootstrap_secret(layout: Layout) -> None:
    """Write the secret that lets the first tenant be made, unless it is there."""
    if not layout.bootstrap_secret.is_file():
        write_whole(layout.bootstrap_secret, secrets.token_urlsafe(32), mode=0o600)
