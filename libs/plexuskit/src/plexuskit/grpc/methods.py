"""Requirements of every method of the contracts, from its descriptor (GW-1)."""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import plexus
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from plexus.authz.v1 import options_pb2
from plexus.authz.v1.options_pb2 import Requirement


class UndeclaredMethod(Exception):  # noqa: N818 - named after the fact that prevents
    """A method declares no permission, or contradicting ones: it is not served."""


@dataclass(frozen=True, slots=True)
class MethodInfo:
    """One method of a contract.

    Attributes:
        requirement: requirement of the caller.
        request_class: message of the request.
        response_class: message of the response.
        client_streaming: whether it takes many.
        server_streaming: whether it answers many.
        service: name of the Plexus service that owns the contract, for example `tasks`.
        path: gRPC's path, `/plexus.tasks.v1.TasksService/CreateTask`.
    """

    requirement: Requirement
    request_class: type[Message]
    response_class: type[Message]
    client_streaming: bool
    server_streaming: bool
    service: str
    path: str


def method_info(method: MethodDescriptor) -> MethodInfo:
    """Return a method's declarations. Raises UndeclaredMethod unless it has one requirement."""
    requirement = Requirement()
    # A private copy: options of the pool are shared by the whole process.
    requirement.CopyFrom(method.GetOptions().Extensions[options_pb2.requires])
    said = [bool(requirement.permission), requirement.public, requirement.internal]
    if sum(said) != 1:
        raise UndeclaredMethod(
            f"{method.full_name} must declare one of permission, public, internal in"
            " option (plexus.authz.v1.requires)",
        )
    container: ServiceDescriptor = method.containing_service
    return MethodInfo(
        requirement=requirement,
        request_class=GetMessageClass(method.input_type),
        response_class=GetMessageClass(method.output_type),
        client_streaming=method.client_streaming,
        server_streaming=method.server_streaming,
        service=container.full_name.split(".")[1],
        path=f"/{container.full_name}/{method.name}",
    )


def served_method(service: str, method: str) -> MethodInfo:
    """Return the descriptor pool's information about a method.

    Args:
        service: full name, for example `plexus.tasks.v1.TasksService`.
        method: name in the service.

    Raises UndeclaredMethod, also for a method that no loaded contract has.
    """
    try:
        descriptor = descriptor_pool.Default().FindMethodByName(f"{service}.{method}")
    except KeyError:
        raise UndeclaredMethod(f"{service}.{method} is in no contract") from None
    return method_info(descriptor)


@cache
def requirements() -> Mapping[str, MethodInfo]:
    """Return every method of every Plexus contract by its gRPC path, `/<service>/<method>`.

    Raises UndeclaredMethod when one of them declares nothing.
    """
    infos = (method_info(method) for service in _services() for method in service.methods)
    return {info.path: info for info in infos}


def _services() -> Iterator[ServiceDescriptor]:
    for module in pkgutil.walk_packages(plexus.__path__, f"{plexus.__name__}."):
        if module.name.endswith(("_service_pb2", ".authority_pb2")):
            loaded = importlib.import_module(module.name)
            yield from loaded.DESCRIPTOR.services_by_name.values()
