"""Messages: content, changes, policy and verification."""
