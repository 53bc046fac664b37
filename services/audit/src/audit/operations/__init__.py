"""Writes: events become entries of the ledger and intervals of the history."""

from audit.operations.beginning import begin_history, relation_states
from audit.operations.recording import LedgerWriter
from audit.operations.remembering import remember
from audit.operations.skips import record_skip
from audit.operations.taking import take_facts

__all__ = [
    "LedgerWriter",
    "begin_history",
    "record_skip",
    "relation_states",
    "remember",
    "take_facts",
]
