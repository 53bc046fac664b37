"""The parts of a log's writer that its batches and its changes share."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp
from plexuskit.clock import Clock
from plexuskit.errors import Refusal

from messaging.log.domain.entries import Head, LogState
from messaging.log.operations.heads import Heads
from messaging.log.operations.items import Item, Staged
from messaging.log.operations.older_logs import OlderLogs
from messaging.log.operations.states import LogStates
from messaging.log.store.stores import Store

StoreT_co = TypeVar("StoreT_co", bound=Store, covariant=True)


@dataclass(frozen=True, slots=True)
class Rules:
    """Functions that decide on messages and compose their entries; the log knows no content.

    Attributes:
        find: given the waiting items and the batch's earlier findings (None: none yet), reads the
            objects they refer to and returns all of them.
        decide: given the findings, returns the references of one message, or raises its refusal.
        compose: given the result of `decide`, makes the entry that follows the head of the log.
        append_imported: writes entries of imported messages, all of them or none, given the last
            `seq` of each conversation; returns refusals by conversation where nothing was written.
    """

    find: Callable[[Sequence[Item[Any]], Any], Awaitable[Any]]
    decide: Callable[[Any, LogState, Item[Any]], Any]
    compose: Callable[[Item[Any], LogState, Head, Any, datetime, Timestamp], Staged]
    append_imported: Callable[
        [Sequence[dict[str, Any]], Mapping[str, int]], Awaitable[Mapping[str, Refusal]]
    ]


class Writer(Generic[StoreT_co]):
    """A store with the states of its active logs, and the rules for writes to them."""

    def __init__(self, store: StoreT_co, *, rules: Rules, clock: Clock, states: int) -> None:
        self.store = store
        self.rules = rules
        self.clock = clock
        self.heads = Heads(store, clock=clock)
        self.log_states = LogStates(store, limit=states, heads=self.heads)
        self.older = OlderLogs(store)
