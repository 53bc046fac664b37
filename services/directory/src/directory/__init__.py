"""Tenants, people, departments and signing in."""
