"""Rules and values without a driver."""
