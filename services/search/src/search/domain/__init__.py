"""The rules of search: frozen values and pure functions, nothing of the outside."""
