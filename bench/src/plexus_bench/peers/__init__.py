"""Other chat servers behind the interface of the benchmark, measured side by side with Plexus."""
