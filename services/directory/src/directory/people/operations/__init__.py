"""Writes of people, one per RPC: load, decide, write state and fact together."""
