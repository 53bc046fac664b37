"""Certificates of processes: the files, the names in them, and gRPC credentials.

A service is named twice in its certificate. `spiffe://plexus/<service>`, its one URI name,
identifies the caller. `<service>.plexus.internal`, a DNS name, identifies the server: gRPC clients
can check that, whatever address they have connected to.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from plexuskit.config import TlsSection
from plexuskit.metrics import gauge
from plexuskit.watched import ReloadingFile

SPIFFE = "spiffe://plexus/"
DOMAIN = "plexus.internal"

EXPIRES_AT = gauge(
    "plexus_tls_certificate_expires_at_seconds",
    "When this process's certificate ends, in seconds since the epoch",
    ("file",),
)


class UnusableCertificates(Exception):  # noqa: N818 - named after the fact that prevents
    """The certificate, its key or the CA cannot be used."""


@dataclass(frozen=True, slots=True)
class Certificates:
    """Contents of the files, as PEM; `ca` is empty for a port without client certificates."""

    cert: bytes
    key: bytes
    ca: bytes


def spiffe_id(service: str) -> str:
    """Return the URI that names a service as a caller."""
    return f"{SPIFFE}{service}"


def server_name(service: str) -> str:
    """Return the DNS name that a service answers as."""
    return f"{service}.{DOMAIN}"


def watched_certificates(section: TlsSection, *, service: str) -> ReloadingFile[Certificates]:
    """Read a service's own certificate, and again whenever one of the files has changed.

    Raises UnusableCertificates the first time, also for the certificate of another service.
    """
    paths = (section.cert_file, section.key_file, section.ca_file)

    def read() -> Certificates:
        found = Certificates(*(_content(path) for path in paths))
        _loaded(section.ca_file, found.ca)
        leaf = _leaf(section.cert_file, found)
        if _uris(leaf) != [spiffe_id(service)]:
            raise UnusableCertificates(
                f"{section.cert_file}: names {_uris(leaf) or 'nobody'}, not {spiffe_id(service)}"
            )
        _report_expiry(section.cert_file, leaf.not_valid_after_utc)
        return found

    return ReloadingFile(paths, read, unusable=UnusableCertificates, name=str(section.cert_file))


def watched_pair(cert_file: Path, key_file: Path) -> ReloadingFile[Certificates]:
    """Read the certificate of a public port, with any name; otherwise as above."""

    def read() -> Certificates:
        found = Certificates(_content(cert_file), _content(key_file), b"")
        _report_expiry(cert_file, _leaf(cert_file, found).not_valid_after_utc)
        return found

    return ReloadingFile(
        (cert_file, key_file), read, unusable=UnusableCertificates, name=str(cert_file)
    )


def server_credentials(files: ReloadingFile[Certificates]) -> grpc.ServerCredentials:
    """Return credentials that follow the files: each handshake uses their current content.

    Clients need a certificate of the CA, where there is one.
    """
    in_use = files.look()

    def fetch() -> grpc.ServerCertificateConfiguration | None:
        # gRPC asks before every handshake, in a thread of its own.
        nonlocal in_use
        found = files.look()
        if found is in_use:
            return None
        in_use = found
        return _configuration(found)

    return grpc.dynamic_ssl_server_credentials(
        _configuration(in_use),
        fetch,  # type: ignore[arg-type]  # None stands for no change, says gRPC's documentation
        require_client_authentication=bool(in_use.ca),
    )


def channel_credentials(found: Certificates) -> grpc.ChannelCredentials:
    """Return credentials that show a certificate and trust the CA alone."""
    return grpc.ssl_channel_credentials(
        root_certificates=found.ca, private_key=found.key, certificate_chain=found.cert
    )


def peer_of(context: grpc.aio.ServicerContext) -> str:  # type: ignore[type-arg]  # generic in stubs
    """Return the service that a verified connection belongs to; empty for none of Plexus."""
    names = tuple(context.auth_context().get("peer_spiffe_id") or ())
    (name,) = names if len(names) == 1 else (b"",)
    text = bytes(name).decode("ascii", errors="replace")
    return text.removeprefix(SPIFFE) if text.startswith(SPIFFE) else ""


def _configuration(found: Certificates) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration(
        [(found.key, found.cert)], root_certificates=found.ca or None
    )


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnusableCertificates(f"{path}: {error.strerror}") from error


def _loaded(path: Path, pem: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificates(pem)[0]
    except ValueError:
        raise UnusableCertificates(f"{path}: holds no PEM certificate") from None


def _leaf(cert_file: Path, found: Certificates) -> x509.Certificate:
    """Return the first certificate of a chain. Raises UnusableCertificates for another's key."""
    leaf = _loaded(cert_file, found.cert)
    try:
        key = load_pem_private_key(found.key, password=None)
    except (ValueError, TypeError):
        raise UnusableCertificates(f"{cert_file}: its key is no PEM key without password") from None
    if key.public_key() != leaf.public_key():
        # Seen while two files are replaced one after the other: the next look finds both.
        raise UnusableCertificates(f"{cert_file}: the key is another certificate's")
    return leaf


def _uris(leaf: x509.Certificate) -> list[str]:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return names.get_values_for_type(x509.UniformResourceIdentifier)


def _report_expiry(cert_file: Path, at: datetime) -> None:
    EXPIRES_AT.labels(file=cert_file.name).set(at.timestamp())
