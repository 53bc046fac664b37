"""Roles, their bindings, attribute policies and modules."""
