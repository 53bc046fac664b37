"""Translations that the servicers of several subjects need."""
