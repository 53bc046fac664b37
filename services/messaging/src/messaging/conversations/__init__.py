"""Conversations: members, their people, and how each member arranges them."""
