"""Changes: load, decide in the domain, store state and fact together."""
