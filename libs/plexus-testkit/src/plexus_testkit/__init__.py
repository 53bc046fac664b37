"""Test kit: fixtures, a running platform, waiting, a clock that stands still."""

from plexus_testkit.clock import FrozenClock
from plexus_testkit.wait import eventually

__all__ = ["FrozenClock", "eventually"]
