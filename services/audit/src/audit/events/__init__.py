"""Facts of the owners and decisions of the gateway, as occurrences and states."""

from audit.events.decisions import decision
from audit.events.facts import Told, Unreadable, told, trace_id

__all__ = ["Told", "Unreadable", "decision", "told", "trace_id"]
