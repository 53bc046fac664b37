"""Who may do what: relations, roles and policies, decided in the process (GW-1, GW-3)."""
