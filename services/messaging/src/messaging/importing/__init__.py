"""History from other systems."""
