"""Writes: one function per thing that happens, each with its effect exactly once."""
