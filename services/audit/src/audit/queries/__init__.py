"""Reads: entries of the ledger, its export and its verification."""

from audit.queries.entries import Lines, export_audit, list_audit_entries
from audit.queries.verification import Verification, verify_audit

__all__ = ["Lines", "Verification", "export_audit", "list_audit_entries", "verify_audit"]
