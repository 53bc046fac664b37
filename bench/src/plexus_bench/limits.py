"""Limit of open files for this process and its children."""

import resource


class TooFewFiles(Exception):  # noqa: N818 - names the fact, like a refusal
    """The machine allows fewer open files than a shape needs."""

    def __init__(self, *, needed: int, allowed: int) -> None:
        super().__init__(
            f"{needed:,} open files are needed in one process and {allowed:,} are allowed: "
            f"raise the hard limit (`ulimit -Hn`) or ask for fewer streams"
        )


def raise_open_files() -> int:
    """Raise the soft limit to the hard one, for children as well; return the limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def need(files: int) -> None:
    """Check that one process may have `files` files open.

    Raises:
        TooFewFiles: The limit is lower.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < files:
        raise TooFewFiles(needed=files, allowed=soft)
