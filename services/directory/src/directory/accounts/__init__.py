"""Credentials, sessions, API tokens and the keys that sign and seal."""
