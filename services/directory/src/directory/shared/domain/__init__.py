"""Pure rules of every subject: no driver, no network, no clock."""
