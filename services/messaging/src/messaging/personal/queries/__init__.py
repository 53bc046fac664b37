"""Queries: drafts and scheduled messages of a person."""
