"""Brokers over TLS, as far as settings and contexts go."""

import ssl
from pathlib import Path

import pytest
from plexus_local.certificates import CertificateAuthority
from plexuskit.config import KafkaSection
from plexuskit.kafka.security import security
from pydantic import ValidationError


def test_plain_text_is_the_default() -> None:
    assert security(KafkaSection()) == {}


def test_a_ca_makes_it_tls_with_names_checked(tmp_path: Path) -> None:
    tls = CertificateAuthority().install(tmp_path, "tasks")

    arguments = security(KafkaSection(ca_file=tls.ca_file))

    assert arguments["security_protocol"] == "SSL"
    context: ssl.SSLContext = arguments["ssl_context"]
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert len(context.get_ca_certs()) == 1


def test_a_certificate_of_ones_own_is_shown_too(tmp_path: Path) -> None:
    tls = CertificateAuthority().install(tmp_path, "tasks")
    section = KafkaSection(ca_file=tls.ca_file, cert_file=tls.cert_file, key_file=tls.key_file)

    assert security(section)["security_protocol"] == "SSL"


def test_half_a_certificate_is_a_wrong_setting(tmp_path: Path) -> None:
    file = tmp_path / "tls.crt"
    with pytest.raises(ValidationError, match="together"):
        KafkaSection(ca_file=file, cert_file=file)
    with pytest.raises(ValidationError, match="ca_file"):
        KafkaSection(cert_file=file, key_file=file)
