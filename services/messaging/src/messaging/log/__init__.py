"""The conversation log: entries, the state that they lead to, and the one way to append."""
