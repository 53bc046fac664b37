"""Notifications, quiet hours and deliveries."""
