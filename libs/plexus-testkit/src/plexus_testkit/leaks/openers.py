"""Credentials: passwords, tokens, private keys."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

from plexus_testkit.harness import ADMIN_PASSWORD, PASSWORD, Platform


def door_openers(platform: Platform, folder: Path) -> dict[str, bytes]:
    """Return all credentials by their description.

    Args:
        platform: owner of the keys and secrets.
        folder: folder in which tests have stored credentials.
    """
    opens = {
        "a password": PASSWORD,
        "the administrator's password": ADMIN_PASSWORD,
        "the bootstrap secret": platform.layout.bootstrap_secret.read_text().strip(),
    }
    for path in platform.layout.keys.glob("*.json"):
        for number, private in enumerate(_private(json.loads(path.read_text()))):
            opens[f"private key {number} of {path.name}"] = private
    for path in {*folder.rglob("credentials*.json"), *platform.layout.root.glob("cred*.json")}:
        for number, token in enumerate(_tokens(json.loads(path.read_text()))):
            opens[f"token {number} of {path}"] = token
    return {what: value.encode() for what, value in opens.items()}


def _private(content: object) -> Iterable[str]:
    """Return every value of a key file that is named as private."""
    return _named(content, lambda name: name in {"private", "d"})


def _tokens(content: object) -> Iterable[str]:
    """Return every token of a file of credentials."""
    return filter(None, _named(content, lambda name: name.endswith("_token")))


def _named(content: object, wanted: Callable[[str], bool]) -> Iterable[str]:
    """Return every text in JSON under a wanted name, at any depth."""
    if isinstance(content, dict):
        for name, value in content.items():
            if wanted(name) and isinstance(value, str):
                yield value
            else:
                yield from _named(value, wanted)
    elif isinstance(content, list):
        for value in content:
            yield from _named(value, wanted)
