"""Pure rules of people: no driver, no network, no clock."""
