"""Facts of the owners and decisions of the gateway, as occurrences and states."""

from audit.events.decisions import decision
from audit.events.facts import Told, Unreadable, told

__all__ = ["Told", "Unreadable", "decision", "told"]
