"""Messages in the index: text and labels have versions of their own (SRC-3, MSG-21).

Facts of reactions, pins and labels do not repeat the text, so they change a document's labels and
leave its text, and the facts of the text leave newer labels. `version` guards the text and
`parts_version` the labels, inside the index, so that facts lead to the same document in any order.
A document whose labels came first is hidden with version 0 until its text arrives; a recall is
final.
"""

from datetime import datetime
from typing import Any, Final

from search.domain.documents import Document
from search.domain.types import PARTS_VERSION
from search.store.documents import source

_SCRIPT: Final = f"""
def s = ctx._source;
long words = s.version == null ? -1L : ((Number) s.version).longValue();
long parts = s.{PARTS_VERSION} == null ? words : ((Number) s.{PARTS_VERSION}).longValue();
long v = ((Number) params.version).longValue();
if (words > 0 && s.gone == true) {{
  ctx.op = "none";
}} else if (params.partial) {{
  if (v < parts) {{
    ctx.op = "none";
  }} else {{
    if (words < 0) {{ s.putAll(params.hidden); }}
    s.labels = params.labels;
    s.{PARTS_VERSION} = v;
    s.indexed_at = params.hidden.indexed_at;
  }}
}} else if (v >= words) {{
  def labels = s.labels;
  s.clear();
  s.putAll(params.document);
  if (parts > v && s.gone != true) {{
    s.labels = labels;
    s.{PARTS_VERSION} = parts;
  }}
}} else if (v >= parts && params.document.gone != true) {{
  s.labels = params.labels;
  s.{PARTS_VERSION} = v;
  s.indexed_at = params.hidden.indexed_at;
}} else {{
  ctx.op = "none";
}}
"""
_RETRIES: Final = 10


def stored(document: Document, *, now: datetime) -> dict[str, Any]:
    """Return the stored form of a message whose text and labels are of the same version."""
    kept = source(document, now=now)
    return kept if document.gone else kept | {PARTS_VERSION: document.version}


def update(document: Document, *, index: str, now: datetime) -> list[dict[str, Any]]:
    """Return the two lines of a bulk that merge what is known at a version into the index."""
    whole = stored(document, now=now)
    hidden = {
        "type": document.type.name,
        "id": document.id,
        "tenant_id": document.tenant_id,
        "version": 0,
        "gone": True,
        "indexed_at": whole["indexed_at"],
    }
    params: dict[str, Any] = {
        "version": document.version,
        "partial": document.partial,
        "labels": document.labels,
        "hidden": hidden,
    }
    if not document.partial:
        params["document"] = whole
    action = {"_index": index, "_id": document.id, "retry_on_conflict": _RETRIES}
    script = {"lang": "painless", "source": _SCRIPT, "params": params}
    return [{"update": action}, {"scripted_upsert": True, "upsert": {}, "script": script}]
