"""Reads: what one person may see of conversations, messages, changes and receipts."""
