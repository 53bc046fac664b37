"""Pure rules of sign-in: no driver, no network, no clock."""
