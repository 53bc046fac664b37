"""Pure rules of accounts: no driver, no network, no clock."""
