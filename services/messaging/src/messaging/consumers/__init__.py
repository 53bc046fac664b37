"""From events to operations: records are translated, in order, and nothing is decided here."""

from typing import Final

from messaging.consumers import directory
from messaging.consumers.directory import following_directory
from messaging.consumers.presence import PRESENCE, follow_presence

SUBSCRIPTIONS: Final = (*directory.SUBSCRIPTIONS, PRESENCE)

__all__ = ["SUBSCRIPTIONS", "follow_presence", "following_directory"]
