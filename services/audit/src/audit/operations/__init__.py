"""Writes: what happened becomes entries of the ledger and intervals of the history."""

from audit.operations.recording import Recorder
from audit.operations.remembering import remember
from audit.operations.taking import take_facts

__all__ = ["Recorder", "remember", "take_facts"]
