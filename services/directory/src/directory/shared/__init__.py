"""Ground of every subject: ids, callers, refusals, request ids and pages."""
