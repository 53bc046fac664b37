"""The pages of the API reference: HTML without scripts and without anything from elsewhere."""

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, EnumDescriptor
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from plexus.authz.v1.options_pb2 import Requirement

from gateway.limits import MethodClass, class_of
from gateway.proxy.forwarding import DEFAULT_DEADLINE
from gateway.reference.contract import (
    Contract,
    Method,
    Service,
    enums_below,
    messages_below,
)
from gateway.reference.errors import EVERY_CALL, SHARED, WITH_TOKEN, Error, Errors
from gateway.reference.examples import Examples, curl_of, json_of
from gateway.reference.fields import Row, rows
from gateway.sizes import max_json_values, max_request_bytes

FIRST: Final = "ListConversations"
"""Method of the first call on the first page: every user may call it, without ids."""

_PACKAGE: Final = re.compile(r"^plexus\.[a-z]+\.v[0-9]+\.")
_CODE: Final = re.compile(r"`([^`]+)`")
_EFFECTS: Final = {
    Requirement.EFFECT_UNSPECIFIED: "Reads what the caller may read; changes nothing",
    Requirement.EFFECT_CHANGE: "Changes state; recorded in the ledger of the company",
    Requirement.EFFECT_PRIVILEGED_READ: (
        "Reads by a privilege; recorded in the ledger before it is answered"
    ),
    Requirement.EFFECT_LOGGED: "Changes a conversation; its own log records it",
    Requirement.EFFECT_PERSONAL: "Changes only the caller's own state; not recorded",
}
_CLASSES: Final = {
    MethodClass.READ: "read, or change only the caller's own state",
    MethodClass.CHANGE: "change what others see",
    MethodClass.PUBLIC: "need no token; only failures count, by network address",
    MethodClass.BULK: "import; not limited",
}
_SERVER_STREAM: Final = (
    "The answers are a stream. Use a Connect client, for example connect-web in a browser, or a"
    " native gRPC client. curl alone does not frame a stream."
)
_CLIENT_STREAM: Final = (
    "Requests and answers are streams. Use a native gRPC client on the gRPC port of the gateway,"
    " for example the Python SDK; HTTP/1.1 carries no such stream."
)
_STREAMS: Final = (
    "Methods whose answers are a stream need a Connect or gRPC client; methods whose requests are a"
    " stream need a native gRPC client. Their descriptions say which."
)


@dataclass(frozen=True, slots=True)
class _Need:
    """A permission with the kind and the field of its object."""

    permission: str
    resource: str
    field: str


@dataclass(frozen=True, slots=True)
class _MethodPage:
    """A method as its section shows it."""

    method: Method
    needs: tuple[_Need, ...]
    effect: str
    rate_class: str
    reason: bool
    stream: str
    example: str
    request: tuple[Row, ...]
    response: tuple[Row, ...]
    errors: tuple[Error, ...]


class Pages:
    """Renders the pages."""

    def __init__(
        self,
        contract: Contract,
        *,
        errors: Errors,
        examples: Examples,
        version: str,
        url: str,
        max_body_bytes: int,
    ) -> None:
        """Set the content of the pages.

        Args:
            contract: public services and their messages.
            errors: errors of their methods.
            examples: example requests.
            version: version of this Plexus.
            url: public address of the gateway; empty if it is unknown.
            max_body_bytes: largest body that the HTTP port accepts.
        """
        self._contract = contract
        self._errors = errors
        self._examples = examples
        self._url = url
        self._max_body_bytes = max_body_bytes
        self._templates = Environment(
            loader=PackageLoader("gateway.reference"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {"prose": prose, "short": short}
        self._style = self._templates.get_template("style.css").render()
        # A file of this package, and the only markup that is not escaped.
        self._templates.globals |= {"style": Markup(self._style), "version": version}  # noqa: S704

    @property
    def policy(self) -> str:
        """Content-Security-Policy that allows the style of the pages and nothing else."""
        digest = b64encode(sha256(self._style.encode()).digest()).decode()
        return (
            f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none';"
            " form-action 'none'; frame-ancestors 'none'"
        )

    def index(self) -> str:
        """Return the first page: conventions, limits and all methods by service."""
        first = next(method for method in self._contract.methods if method.name == FIRST)
        return self._render(
            "index.html",
            services=self._contract.services,
            url=self._url,
            first=self._example(first),
            deadline=round(DEFAULT_DEADLINE),
            streams=_STREAMS,
            classes=list(self._classes()),
        )

    def errors(self) -> str:
        """Return the page of all errors."""
        return self._render(
            "errors.html",
            every_call=EVERY_CALL,
            with_token=WITH_TOKEN,
            shared=SHARED,
            of_service=self._errors.of_service,
        )

    def service(self, service: Service) -> str:
        """Return the page of a service with the types that its methods use."""
        messages, enums = _types(service)
        return self._render(
            "service.html",
            service=service,
            methods=[self._method(method) for method in service.methods],
            messages=[
                {
                    "full_name": each.full_name,
                    "comment": self._contract.comment(each.full_name),
                    "rows": rows(each, contract=self._contract),
                }
                for each in messages
            ],
            enums=[self._enum(each) for each in enums],
        )

    def _render(self, name: str, **values: Any) -> str:
        return self._templates.get_template(name).render(values)

    def _method(self, method: Method) -> _MethodPage:
        required = method.info.requirement
        return _MethodPage(
            method=method,
            needs=tuple(_needs(method)),
            effect=_EFFECTS[required.effect],
            rate_class=class_of(method.info).value,
            reason=required.needs_reason,
            stream=_stream(method),
            example=self._example(method),
            request=rows(method.request, contract=self._contract),
            response=rows(method.response, contract=self._contract),
            errors=self._errors.of(method),
        )

    def _example(self, method: Method) -> str:
        request = self._examples.request(method)
        return json_of(request) if method.is_stream else curl_of(method, request)

    def _enum(self, enum: EnumDescriptor) -> Mapping[str, Any]:
        return {
            "full_name": enum.full_name,
            "comment": self._contract.comment(enum.full_name),
            "members": [
                {
                    "name": value.name,
                    "number": value.number,
                    "comment": self._contract.comment(f"{enum.full_name}.{value.name}"),
                }
                for value in enum.values
            ],
        }

    def _classes(self) -> Iterator[Mapping[str, str]]:
        samples = {class_of(method.info): method.info for method in self._contract.methods}
        for kind, meaning in _CLASSES.items():
            size = max_request_bytes(samples[kind], maximum=self._max_body_bytes)
            yield {
                "name": kind.value,
                "meaning": meaning,
                "size": f"{size / 1024:,.0f} KiB",
                "json_values": f"{max_json_values(samples[kind]):,}",
            }


def prose(text: str) -> Markup:
    """Return a comment as HTML: escaped, with its paragraphs on one line, and code marked."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped


def short(full_name: str) -> str:
    """Return the name of a message or enum without its package."""
    return _PACKAGE.sub("", full_name)


def _needs(method: Method) -> Iterator[_Need]:
    first, message = method.info.requirement, method.request
    yield _Need(first.permission, first.resource, _json_path(message, first.id))
    for need in first.also:
        yield _Need(need.permission, need.resource, _json_path(message, need.id))


def _json_path(message: Descriptor, path: str) -> str:
    """Return the path of a field with its names in JSON."""
    names = []
    current: Any = message
    for name in filter(None, path.split(".")):
        field = current.fields_by_name[name]
        names.append(field.json_name)
        current = field.message_type
    return ".".join(names)


def _stream(method: Method) -> str:
    if method.info.client_streaming:
        return _CLIENT_STREAM
    return _SERVER_STREAM if method.info.server_streaming else ""


def _types(service: Service) -> tuple[list[Descriptor], list[EnumDescriptor]]:
    """Return the messages inside of requests and answers of a service, and all their enums."""
    messages: dict[str, Descriptor] = {}
    enums: dict[str, EnumDescriptor] = {}
    for method in service.methods:
        for root in (method.request, method.response):
            inside = (each for each in messages_below(root) if each != root)
            messages |= {each.full_name: each for each in inside}
            enums |= {each.full_name: each for each in enums_below(root)}
    by_name = sorted(messages.items(), key=lambda item: short(item[0]))
    return (
        [message for _, message in by_name],
        [enum for _, enum in sorted(enums.items(), key=lambda item: short(item[0]))],
    )
