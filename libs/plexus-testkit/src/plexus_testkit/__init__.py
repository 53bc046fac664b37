"""Test kit: fixtures, a running platform, waiting, a frozen clock."""

from plexus_testkit.clock import FrozenClock
from plexus_testkit.wait import eventually

__all__ = ["FrozenClock", "eventually"]
