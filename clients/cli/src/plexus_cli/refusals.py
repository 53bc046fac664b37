"""Refusals in the user's language."""

from plexus_sdk import Refused

from plexus_cli.language import is_chinese, tr


def shown(refused: Refused) -> str:
    """Return the message of a refusal, in Chinese if the catalogue contains its reason."""
    if not is_chinese() or not refused.reason:
        return str(refused)
    own = f"{refused.domain.removeprefix('plexus.')}.{refused.reason}".lstrip(".")
    # Every service has refusals of the shared libraries too; they stand under the reason alone.
    key = next((each for each in (own, refused.reason) if tr(each) != each), None)
    if key is None:
        return str(refused)
    template = tr(key)
    try:
        text = template.format(**refused.metadata)
    except (KeyError, IndexError):
        return str(refused)
    if refused.retry_after is not None:
        text += tr(" Try again in {n} s.", n=round(refused.retry_after.total_seconds()))
    return text
