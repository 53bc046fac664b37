"""Certificate authority for one machine; tests and the local run each have their own."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from plexuskit.clock import Clock, SystemClock
from plexuskit.config import TlsSection
from plexuskit.grpc.certificates import server_name, spiffe_id

LIFE = timedelta(days=7)
# Two processes on one machine share a clock; that of a laptop after sleep may be late.
_BEFORE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key in PEM format."""

    cert: bytes
    key: bytes


class CertificateAuthority:
    """Authority that signs certificates; its own key exists in memory only."""

    def __init__(
        self,
        name: str = "Plexus local CA",
        *,
        life: timedelta = LIFE,
        clock: Clock | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        now = self._clock.now()
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named(name)
        self._cert = (
            _builder(self._name, self._name, self._key, since=now - _BEFORE, until=now + life)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs=True), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self._life = life

    @property
    def pem(self) -> bytes:
        """The authority's own certificate."""
        return self._cert.public_bytes(serialization.Encoding.PEM)

    def issue(self, service: str, *, until: datetime | None = None) -> Pair:
        """Issue a certificate for a service, both as client and as server."""
        names: list[x509.GeneralName] = [
            x509.UniformResourceIdentifier(spiffe_id(service)),
            x509.DNSName(server_name(service)),
        ]
        return self._signed(service, names, until=until)

    def issue_public(self, *hosts: str) -> Pair:
        """Issue a certificate for a port that clients reach by DNS names or IP addresses."""
        return self._signed(hosts[0], [_general(host) for host in hosts], until=None)

    def install(self, folder: Path, service: str, *, until: datetime | None = None) -> TlsSection:
        """Write a service's files into a folder of their own; return the settings that name them.

        Existing files are replaced one after the other.
        """
        pair = self.issue(service, until=until)
        own = folder / service
        own.mkdir(parents=True, exist_ok=True)
        section = TlsSection(
            cert_file=own / "tls.crt", key_file=own / "tls.key", ca_file=own / "ca.crt"
        )
        for path, content in (
            (section.key_file, pair.key),
            (section.cert_file, pair.cert),
            (section.ca_file, self.pem),
        ):
            replace_file(path, content)
        return section

    def _signed(
        self, common_name: str, names: list[x509.GeneralName], *, until: datetime | None
    ) -> Pair:
        now = self._clock.now()
        ends = until or now + self._life
        key = ec.generate_private_key(ec.SECP256R1())
        cert = (
            _builder(
                _named(common_name), self._name, key, since=min(now, ends) - _BEFORE, until=ends
            )
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage(
                    [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
                ),
                critical=False,
            )
            .sign(self._key, hashes.SHA256())
        )
        return Pair(
            cert=cert.public_bytes(serialization.Encoding.PEM),
            key=key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
        )


def replace_file(path: Path, content: bytes) -> None:
    """Replace a file atomically, readable by its owner only."""
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    beside.touch(mode=0o600)
    beside.write_bytes(content)
    beside.replace(path)


def _named(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    *,
    since: datetime,
    until: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )
