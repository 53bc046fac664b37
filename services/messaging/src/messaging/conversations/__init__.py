"""Conversations: members, their people, and personal settings."""
