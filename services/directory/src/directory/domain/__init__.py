"""Pure rules of the directory: no driver, no network, no clock."""
