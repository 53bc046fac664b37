"""Domain facts as events and shapes of the contract: what the log stores, Kafka carries."""
