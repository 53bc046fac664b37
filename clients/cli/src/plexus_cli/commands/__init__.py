"""One module per noun; each command reads its arguments, calls the gateway and prints."""
