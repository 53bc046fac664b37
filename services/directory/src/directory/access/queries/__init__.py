"""Reads of access."""
