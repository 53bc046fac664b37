"""Refusals in the user's language, with times in the user's zone."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from plexus_sdk import Refused

from plexus_cli import moments
from plexus_cli.language import is_chinese, tr

# The form in which services write an instant into a refusal.
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")


def shown(refused: Refused) -> str:
    """Return the message of a refusal, in Chinese if the catalogue contains its reason.

    Instants among its facts are shown in the user's zone.
    """
    instants = _instants(refused.metadata)
    if not is_chinese() or not refused.reason:
        return _message(refused, instants)
    own = f"{refused.domain.removeprefix('plexus.')}.{refused.reason}".lstrip(".")
    # Every service has refusals of the shared libraries too; they stand under the reason alone.
    key = next((each for each in (own, refused.reason) if tr(each) != each), None)
    if key is None:
        return _message(refused, instants)
    template = tr(key)
    try:
        text = template.format(**{**refused.metadata, **instants})
    except (KeyError, IndexError):
        return _message(refused, instants)
    if refused.retry_after is not None:
        text += tr(" Try again in {n} s.", n=round(refused.retry_after.total_seconds()))
    return text


def _instants(metadata: Mapping[str, str]) -> dict[str, str]:
    return {
        name: moments.shown(datetime.fromisoformat(value))
        for name, value in metadata.items()
        if _INSTANT.fullmatch(value)
    }


def _message(refused: Refused, instants: Mapping[str, str]) -> str:
    text = str(refused)
    for name, instant in instants.items():
        text = text.replace(refused.metadata[name], instant)
    return text
