"""Reads of sign-in."""
