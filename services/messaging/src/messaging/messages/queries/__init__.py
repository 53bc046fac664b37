"""Reads, as far as the caller may see."""
