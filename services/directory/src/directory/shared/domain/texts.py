"""The form in which texts are compared."""

import unicodedata


def fold(text: str) -> str:
    """Fold a text into the form in which handles and names are compared: NFKC and lower case.

    Lowering can break the normal form (`İ`), so it is normalised again.
    """
    lowered = unicodedata.normalize("NFKC", text).lower()
    return unicodedata.normalize("NFKC", lowered)
