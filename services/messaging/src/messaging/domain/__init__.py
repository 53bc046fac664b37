"""What a conversation is and may become.

Frozen values and pure decisions, no driver and no clock.
"""
