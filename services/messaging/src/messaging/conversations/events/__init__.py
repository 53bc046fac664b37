"""Domain values and facts as messages of the contract."""
