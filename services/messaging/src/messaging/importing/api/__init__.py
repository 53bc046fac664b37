"""The edge: requests in, operations and queries called, responses out; nothing is decided here."""
