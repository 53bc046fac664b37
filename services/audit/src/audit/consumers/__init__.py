"""Inputs of the recorder: facts, decisions, and once the owners' snapshots."""

from audit.consumers.beginning import Owners, beginning
from audit.consumers.recording import SUBSCRIPTIONS, consuming

__all__ = ["SUBSCRIPTIONS", "Owners", "beginning", "consuming"]
