"""Request records of 0.2.0: the documents that were answered, under the same keys.

To be deleted in the release after the next: by then the last of them has expired.
"""

from typing import Any, Final

from plexus_access.roles import BUILT_IN
from plexuskit.mongo import Document
from plexuskit.request_ids import Answer, Request, check_same

_COUNTS: Final = ("departments_moved", "people_moved")


class OlderRequests:
    """Reads the ids out of stored answers."""

    def key(self, request: Request) -> str:
        """Return the key, which is that of today."""
        return request.key

    def answer(self, request: Request, record: Document) -> Answer:
        """Read the ids of what was answered.

        Raises:
            RequestIdReused: the record is of other content.
        """
        check_same(request, bytes(record["content_hash"]))
        answered: dict[str, Any] = record["answer"]
        if "department" in answered:
            counts = {name: answered[name] for name in _COUNTS}
            return {"id": answered["department"]["_id"], **counts}
        if "permissions" in answered and answered["name"] in BUILT_IN:
            return {"id": answered["name"]}
        return {"id": answered["_id"], "name": answered.get("name", "")}
