"""Build and check of the web client with the Node of the lock file."""

from plexus_local.web.build import build, built
from plexus_local.web.node import NodeMissing

__all__ = ["NodeMissing", "build", "built"]
