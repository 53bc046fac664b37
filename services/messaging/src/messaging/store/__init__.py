"""Every query, index and document shape of messaging."""
