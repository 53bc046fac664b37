"""What the recorder follows: facts, decisions, and once the owners' snapshots."""

from audit.consumers.beginning import Owners, beginning
from audit.consumers.recording import consuming

__all__ = ["Owners", "beginning", "consuming"]
