"""From events to operations: records are translated, in order, and nothing is decided here."""

from messaging.consumers.directory import following_directory
from messaging.consumers.presence import follow_presence

__all__ = ["follow_presence", "following_directory"]
