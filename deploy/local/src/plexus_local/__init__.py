"""Local run: real servers and all of Plexus on one machine."""
