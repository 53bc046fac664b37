"""Probes for consumers whose handlers have no dependency of their own."""


async def healthy() -> None:
    """Find every dependency in order."""
