"""From events to operations: records are translated, in order, and nothing is decided here."""
