"""Cost of permission decisions, and speed of revocation: `make bench-access`."""
