"""Tenants, people, departments and groups."""
