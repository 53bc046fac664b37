"""Parts of the contract that every subject shares: envelopes, requests, limits of facts."""
