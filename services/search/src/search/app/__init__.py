"""Wiring of the service: one async context manager per role."""

from search.app.roles import ROLES, SERVICE, api, indexer, provision, rebuild

__all__ = ["ROLES", "SERVICE", "api", "indexer", "provision", "rebuild"]
