"""Queries: the inbox and preferences of a person, and the figures of a tenant."""
