"""The plexus command and SDK."""
