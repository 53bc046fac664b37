"""Reads of the feed."""
