"""The index and the query over it."""
