"""Writes of access, one per RPC: load, decide, write state and fact together."""
