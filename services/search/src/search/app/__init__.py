"""How the service is put together: one async context manager per role."""

from search.app.roles import ROLES, SERVICE, api, indexer, provision

__all__ = ["ROLES", "SERVICE", "api", "indexer", "provision"]
