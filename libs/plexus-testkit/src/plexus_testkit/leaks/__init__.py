"""Secrets that must stay in their place during a run: passwords, tokens, keys, texts."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Final

from plexus_access.api_tokens import PREFIX

from plexus_testkit.harness import Platform
from plexus_testkit.leaks.openers import door_openers
from plexus_testkit.leaks.spans import Spans, receiving
from plexus_testkit.leaks.stores import stored, texts

__all__ = ["Spans", "door_openers", "found", "receiving"]

# Signed tokens of three parts, and API tokens: all that a test has made, known or not.
TOKENS: Final = re.compile(
    rb"eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{40,}|"
    + PREFIX.encode()
    + rb"[A-Za-z0-9]{30,}"
)
# Databases in which message texts have a place.
TOLD: Final = frozenset({"messaging", "notify", "tasks"})


async def found(
    platform: Platform, opens: Mapping[str, bytes], *, spans: bytes
) -> AsyncIterator[str]:
    """Yield each place that contains a secret.

    Args:
        platform: whose logs and stores are read, all of them.
        opens: see `door_openers`.
        spans: the exported spans.
    """
    said = [form for text in await texts(platform) for form in _forms(text)]
    places: dict[str, bytes] = {
        f"the log of {name}": await asyncio.to_thread(process.log_text().encode)
        for name, process in platform.processes.items()
    }
    places["a span"] = spans
    for place, content in places.items():
        for what in await asyncio.to_thread(_in, content, opens):
            yield f"{place} holds {what}"
        for text in _repeated(content, said):
            yield f"{place} holds what was said: {text}"
    async for place, content in stored(platform):
        for what in _in(content, opens):
            yield f"{place} holds {what}"
        if place.startswith("MongoDB") and place.split()[1].split(".")[0] not in TOLD:
            for text in _repeated(content, said):
                yield f"{place} holds what was said: {text}"


def _in(content: bytes, opens: Mapping[str, bytes]) -> Iterable[str]:
    held = [what for what, value in opens.items() if value in content]
    return held + [f"a token: {match[:12].decode()}…" for match in TOKENS.findall(content)]


def _repeated(content: bytes, said: Iterable[bytes]) -> Iterable[str]:
    return (text.decode() for text in said if text in content)


def _forms(text: str) -> set[bytes]:
    """Return the forms in which a text can occur in JSON."""
    return {text.encode(), json.dumps(text)[1:-1].encode()}
