"""Other chat servers behind the seam of the bench, measured side by side with Plexus."""
