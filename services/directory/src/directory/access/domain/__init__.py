"""Pure rules of access: no driver, no network, no clock."""
