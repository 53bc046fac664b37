"""Access decisions from relations, roles and policies, made in the process (GW-1, GW-3)."""
