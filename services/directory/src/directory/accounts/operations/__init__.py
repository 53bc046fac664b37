"""Writes of accounts, for the transactions of other subjects."""
