"""What the servicer of access translates: columns of roles, instants."""

from collections.abc import Iterable

from google.protobuf import descriptor_pool
from plexus.directory.v1 import access_pb2
from plexuskit.errors import InvalidArgument
from plexuskit.grpc.methods import requirements

from directory.access.domain.roles import FieldMask


def masks_of(masks: Iterable[access_pb2.FieldMask]) -> list[FieldMask]:
    """Read which columns a role shows.

    Raises:
        InvalidArgument: a message or field is in no contract.
    """
    return [_mask_of(mask) for mask in masks]


def _mask_of(mask: access_pb2.FieldMask) -> FieldMask:
    # Loads every contract, so that the pool knows the messages of all services.
    requirements()
    try:
        message = descriptor_pool.Default().FindMessageTypeByName(mask.message)
    except KeyError:
        message = None
    if message is None or not mask.message.startswith("plexus."):
        raise InvalidArgument(field="masks", problem=f"names the unknown message {mask.message!r}")
    if unknown := set(mask.fields) - set(message.fields_by_name):
        raise InvalidArgument(
            field="masks", problem=f"names {min(unknown)!r}, no field of {mask.message}"
        )
    return FieldMask(message=mask.message, fields=tuple(mask.fields))
