"""Drafts and scheduled messages of one person."""
