"""The one door: authentication, permissions, streams."""
