"""Objects by the names that people give them: found, listed and named."""
