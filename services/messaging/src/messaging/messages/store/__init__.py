"""Queries, indexes and document shapes."""
