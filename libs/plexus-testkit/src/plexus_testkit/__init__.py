"""What tests and the local run need: real servers, waiting, a clock that stands still."""

from plexuskit.testing.clock import FrozenClock
from plexuskit.testing.wait import eventually

__all__ = ["FrozenClock", "eventually"]
