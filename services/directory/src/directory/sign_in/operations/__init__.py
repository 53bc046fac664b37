"""Writes of sign-in, one per RPC: load, decide, write state and fact together."""
