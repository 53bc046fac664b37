"""Conversations, their log, cursors and receipts."""
