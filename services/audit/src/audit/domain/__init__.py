"""The rules of the ledger and of the history: frozen values, pure functions, named refusals."""
