"""Reasons why a server could not be started, with their remedies."""

from pathlib import Path


class ServerNotStarted(Exception):  # noqa: N818 - names the fact, like a refusal
    """A server did not start; the text contains the reason and the end of its log."""

    def __init__(self, *, name: str, reason: str, log: Path | None = None) -> None:
        text = f"{name} did not start: {reason}"
        if log is not None:
            text += f"\n--- end of {log} ---\n{tail(log)}"
        super().__init__(text)
        self.name = name


class ToolMissing(Exception):  # noqa: N818 - names the fact, like a refusal
    """A required program is missing; the text ends with a remedy."""

    def __init__(self, *, what: str, remedy: str) -> None:
        super().__init__(f"{what}\n  Remedy: {remedy}")


def tail(log: Path, *, lines: int = 20) -> str:
    """Return the last `lines` lines of a log, or a note that there is none."""
    if not log.is_file():
        return "(no log was written)"

    size = log.stat().st_size
    with log.open("rb") as stream:
        stream.seek(max(0, size - 32_768))
        text = stream.read().decode(errors="replace")
    return "\n".join(text.splitlines()[-lines:]) or "(the log is empty)"
