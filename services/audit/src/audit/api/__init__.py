"""The gRPC edge: a request becomes a query, its result a response; nothing is decided here."""

from audit.api.access import AccessHistoryApi
from audit.api.audit import AuditApi

__all__ = ["AccessHistoryApi", "AuditApi"]
