"""A gateway that answers every call with a message whose fields are all set."""

from concurrent import futures
from typing import Any

import grpc
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

CONTRACTS = (
    "audit.v1.access_service",
    "audit.v1.audit_service",
    "directory.v1.access_service",
    "directory.v1.directory_service",
    "directory.v1.scim_service",
    "directory.v1.session_service",
    "messaging.v1.import_service",
    "messaging.v1.messaging_service",
    "messaging.v1.personal_service",
    "notify.v1.notify_service",
    "search.v1.search_service",
    "tasks.v1.tasks_service",
)
AT = 1_772_424_000  # 2026-03-02 12:00 in Shanghai
DEPTH = 4
# A page token would continue for ever, and so would a flag that announces more.
EMPTY = {"next_page_token", "has_more", "more", "partial", "finding", "problems", "refused"}
KNOWN: dict[str, Any] = {
    "time_zone": "Asia/Shanghai",
    "locale": "zh-CN",
    "handle": "ann",
    "access_token": "token",
    "refresh_token": "token",
    "name": "采购群",
    "url": "https://example.com",
    "date": "2026-03-05",
    "local_time": "22:40",
    "weekdays": 1,
    "start_minute": 540,
    "end_minute": 720,
    "external_id": "csv:x",
    "version": 1,
}


OF_TYPE = {
    FieldDescriptor.CPPTYPE_BOOL: True,
    FieldDescriptor.CPPTYPE_DOUBLE: 1.5,
    FieldDescriptor.CPPTYPE_FLOAT: 1.5,
}


def fill(message: Message, *, depth: int = 0) -> Message:
    """Set the fields of a message; of a oneof, the first one."""
    if message.DESCRIPTOR.full_name == "google.protobuf.Timestamp":
        message.seconds = AT  # type: ignore[attr-defined] # of a timestamp
        return message
    chosen: set[str] = set()
    for field in message.DESCRIPTOR.fields:
        choice = field.containing_oneof
        if field.name in EMPTY or (choice is not None and choice.name in chosen):
            continue
        if choice is not None:
            chosen.add(choice.name)
        _fill_field(message, field, depth=depth)
    return message


def _fill_field(message: Message, field: FieldDescriptor, *, depth: int) -> None:
    is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
    if is_map or (field.message_type is not None and depth >= DEPTH):
        return
    if field.message_type is not None:
        target = getattr(message, field.name)
        fill(target.add() if field.is_repeated else target, depth=depth + 1)
        return
    value = _value(field)
    if field.is_repeated:
        getattr(message, field.name).append(value)
    else:
        setattr(message, field.name, value)


def _value(field: FieldDescriptor) -> Any:
    if field.name in KNOWN:
        return KNOWN[field.name]
    if field.cpp_type == FieldDescriptor.CPPTYPE_ENUM:
        return field.enum_type.values[1].number
    if field.cpp_type != FieldDescriptor.CPPTYPE_STRING:
        return OF_TYPE.get(field.cpp_type, 1)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return b""
    return "per_1" if field.name.endswith(("id", "ids")) else "写字"


class Filled(grpc.GenericRpcHandler):  # type: ignore[misc] # its types are unknown
    """Handler of every method of every contract."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def service(self, handler_call_details: Any) -> Any:
        service, _, method = handler_call_details.method.strip("/").partition("/")
        found = descriptor_pool.Default().FindServiceByName(service).FindMethodByName(method)
        asked = message_factory.GetMessageClass(found.input_type)
        answered = message_factory.GetMessageClass(found.output_type)

        def answer(_: Any, __: Any) -> Message:
            self.asked.append(method)
            return fill(answered())

        def answers(_: Any, __: Any) -> Any:
            self.asked.append(method)
            yield fill(answered())

        streams = found.server_streaming
        make = (
            grpc.unary_stream_rpc_method_handler if streams else grpc.unary_unary_rpc_method_handler
        )
        return make(
            answers if streams else answer,
            request_deserializer=asked.FromString,
            response_serializer=answered.SerializeToString,
        )


def serve() -> tuple[grpc.Server, str, Filled]:
    """Start the gateway; return it, its address and its received requests."""
    import importlib  # noqa: PLC0415 - only here

    for contract in CONTRACTS:
        importlib.import_module(f"plexus.{contract}_pb2")
    filled = Filled()
    server = grpc.server(futures.ThreadPoolExecutor(4), handlers=(filled,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, f"127.0.0.1:{port}", filled
