"""What deciding costs, and how fast what is taken away is gone: `make bench-access`."""
