"""Ids, callers, refusals, request ids and pages of every subject."""
