"""Conversion of the texts in a peer's tables to a comparable log."""

from collections.abc import Sequence

from plexus_bench.system import StoredLog, body_of, ref_of


def logged(bodies: Sequence[str]) -> StoredLog:
    """Return the refs of these texts in order; a text that does not match its ref is a problem."""
    refs = [ref_of(body) for body in bodies]
    wrong = [ref for ref, body in zip(refs, bodies, strict=True) if body != body_of(ref)]
    return StoredLog(refs=refs, problems=[f"the text of {ref} is another one" for ref in wrong])
