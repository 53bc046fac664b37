"""The type of a stored document."""

from typing import Any

Document = dict[str, Any]
