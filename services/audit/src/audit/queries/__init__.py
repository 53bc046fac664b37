"""Queries: the ledger, its export and verification; explanations and lists of access."""

from audit.queries.access import Asker, Explained, Viewers, Witnesses, explain_access
from audit.queries.audit import Lines, Verification, export_audit, verify_audit
from audit.queries.entries import list_audit_entries
from audit.queries.reach import reach_of

__all__ = [
    "Asker",
    "Explained",
    "Lines",
    "Verification",
    "Viewers",
    "Witnesses",
    "explain_access",
    "export_audit",
    "list_audit_entries",
    "reach_of",
    "verify_audit",
]
