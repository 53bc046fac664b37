"""Files and pages stored elsewhere, with names that cannot deceive."""

import re
from dataclasses import dataclass, replace
from typing import Final

from plexuskit.errors import InvalidArgument
from plexuskit.links import FILE_SCHEMES, check_target
from plexuskit.names import clean_line

ATTACHMENT_LIMIT: Final = 50
NAME_LIMIT: Final = 255
LARGEST_BYTES: Final = 2**53 - 1

# RFC 6838: a type and a subtype of restricted names, then parameters.
_MEDIA_TYPE: Final = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"
    r"(?:; ?[A-Za-z0-9!#$&^_.+-]{1,64}=(?:[A-Za-z0-9!#$&^_.+'()-]{1,128}|\"[ !#-\[\]-~]{0,128}\"))*"
)
_SEPARATORS: Final = str.maketrans(dict.fromkeys('/\\:*?"<>|', "_"))


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file or page stored elsewhere."""

    name: str
    url: str
    media_type: str
    size_bytes: int


def check_attachments(
    attachments: tuple[Attachment, ...], *, with_address: bool = True
) -> tuple[Attachment, ...]:
    """Return attachments with clean names and addresses in canonical form.

    Args:
        attachments: at most 50.
        with_address: false for imports, where some files have only a name (MSG-19).

    Raises:
        InvalidArgument: naming the field, as `attachments[2].url`.
    """
    if len(attachments) > ATTACHMENT_LIMIT:
        raise InvalidArgument(field="attachments", problem=f"has more than {ATTACHMENT_LIMIT}")
    return tuple(
        _checked(attachment, where=f"attachments[{index}]", with_address=with_address)
        for index, attachment in enumerate(attachments)
    )


def file_name(name: str, *, field: str) -> str:
    """Return a file name without folders, direction marks or invisible characters.

    Characters that separate folders or are special to a shell or a file system become `_`.

    Raises:
        InvalidArgument: more than 255 characters.
    """
    return clean_line(name.translate(_SEPARATORS), field=field, max_chars=NAME_LIMIT).lstrip(".")


def _checked(attachment: Attachment, *, where: str, with_address: bool) -> Attachment:
    url, media_type = attachment.url, attachment.media_type
    if url or with_address:
        url = check_target(url, field=f"{where}.url", schemes=FILE_SCHEMES)
    if media_type and not _MEDIA_TYPE.fullmatch(media_type):
        raise InvalidArgument(
            field=f"{where}.media_type", problem="is not of the form type/subtype"
        )
    if not 0 <= attachment.size_bytes <= LARGEST_BYTES:
        raise InvalidArgument(field=f"{where}.size_bytes", problem="is no size of a file")
    name = file_name(attachment.name, field=f"{where}.name")
    return replace(attachment, name=name, url=url)
