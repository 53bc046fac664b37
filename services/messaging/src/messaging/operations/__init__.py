"""Writes: one function per RPC verb, and the log that orders them."""
