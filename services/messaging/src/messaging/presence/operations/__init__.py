"""Signals of typing and presence, and presence as this process knows it."""
