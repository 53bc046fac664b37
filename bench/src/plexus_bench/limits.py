"""How many files this process and its children may have open."""

import resource


class TooFewFiles(Exception):  # noqa: N818 - names the fact, like a refusal
    """The machine does not allow as many open files as a shape needs."""

    def __init__(self, *, needed: int, allowed: int) -> None:
        super().__init__(
            f"{needed:,} open files are needed in one process and {allowed:,} are allowed: "
            f"raise the hard limit (`ulimit -Hn`) or ask for fewer streams"
        )


def raise_open_files() -> int:
    """Raise the soft limit to the hard one, for children as well; gives the limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def need(files: int) -> None:
    """Check that one process may have so many files open.

    Raises:
        TooFewFiles: It may not.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < files:
        raise TooFewFiles(needed=files, allowed=soft)
