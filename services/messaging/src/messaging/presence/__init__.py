"""Presence and typing: signals that are valid for seconds."""
