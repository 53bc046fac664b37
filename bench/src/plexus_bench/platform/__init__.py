"""Plexus under load: real processes on real servers."""

from plexus_bench.platform.system import PlexusSystem

__all__ = ["PlexusSystem"]
