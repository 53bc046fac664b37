"""Shared plumbing of the Plexus services, with no business word in it."""
