"""Facts of the owners and decisions of the gateway, as occurrences and states."""

from audit.events.decisions import decision
from audit.events.facts import ParsedFact, Unreadable, parse_fact, trace_id

__all__ = ["ParsedFact", "Unreadable", "decision", "parse_fact", "trace_id"]
