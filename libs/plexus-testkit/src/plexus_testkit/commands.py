"""Recorder of a store's commands to MongoDB, with the ids removed (GW-2)."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from plexuskit.errors import Refusal
from pymongo import monitoring

# Of the connection and the moment, not of the question.
_LEFT_OUT: Final = frozenset(
    {"lsid", "$clusterTime", "$db", "txnNumber", "startTransaction", "autocommit", "readConcern"}
    | {"$readPreference", "maxTimeMS", "comment"}
)
_CHATTER: Final = frozenset({"hello", "ping", "killCursors", "endSessions", "getMore"})


class StoreCommands(monitoring.CommandListener):
    """Listens to every client that is made after it was registered."""

    def __init__(self) -> None:
        """Listen to nothing yet."""
        self._recorded: list[Any] | None = None

    async def of(
        self, attempt: Callable[[], Awaitable[object]], *, without: Mapping[str, str]
    ) -> list[Any]:
        """Return the commands of one attempt, whatever its result.

        Args:
            attempt: the attempt; its refusal is ignored.
            without: replacement of each id.
        """
        recorded: list[Any] = []
        self._recorded = recorded
        try:
            with suppress(Refusal):
                await attempt()
        finally:
            self._recorded = None
        return [_plain(command, without) for command in recorded]

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """Record a command."""
        if self._recorded is not None and event.command_name not in _CHATTER:
            self._recorded.append(
                {key: value for key, value in event.command.items() if key not in _LEFT_OUT}
            )

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """Ignore how it ended."""

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """Ignore how it ended."""


def _plain(value: Any, without: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(each, without) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each, without) for each in value]
    if isinstance(value, str):
        for id_, name in without.items():
            value = value.replace(id_, name)
        return value
    return value if isinstance(value, bool | int | float) else type(value).__name__
