"""The rules of notifying: frozen values and pure functions."""
