"""Lookups of objects by the names that users type."""
