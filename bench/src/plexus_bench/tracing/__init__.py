"""Cost of tracing on the send path: `python -m plexus_bench.tracing`."""
