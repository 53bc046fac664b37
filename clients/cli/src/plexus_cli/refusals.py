"""Refusals in the user's language."""

from plexus_sdk import Refused

from plexus_cli.language import is_chinese, tr


def shown(refused: Refused) -> str:
    """Return the message of a refusal, in Chinese if the catalogue contains its reason."""
    if not is_chinese() or not refused.reason:
        return str(refused)
    key = f"{refused.domain.removeprefix('plexus.')}.{refused.reason}".lstrip(".")
    template = tr(key)
    if template == key:
        return str(refused)
    try:
        text = template.format(**refused.metadata)
    except (KeyError, IndexError):
        return str(refused)
    if refused.retry_after is not None:
        text += tr(" Try again in {n} s.", n=round(refused.retry_after.total_seconds()))
    return text
