"""Audit: a provably complete ledger of decisions and changes, and the history of access."""
