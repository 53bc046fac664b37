"""Connection security of brokers: plain text or TLS, with or without a SASL user."""

import ssl
from typing import Any

from faststream.security import BaseSecurity, SASLPlaintext, SASLScram512

from plexuskit.config import KafkaSection, read_password


def security(section: KafkaSection) -> dict[str, Any]:
    """Return the arguments of aiokafka's clients; empty for plain text without a user.

    The brokers' certificates must be of the CA, for the names or addresses that they are reached
    by. Raises OSError or ssl.SSLError for files that cannot be used.
    """
    context = tls_context(section)
    arguments: dict[str, Any] = {} if context is None else {"ssl_context": context}
    if section.user:
        arguments |= {
            "sasl_mechanism": section.mechanism,
            "sasl_plain_username": section.user,
            "sasl_plain_password": password(section),
        }
    protocol = protocol_of(section)
    return arguments if protocol == "PLAINTEXT" else {"security_protocol": protocol, **arguments}


def broker_security(section: KafkaSection) -> BaseSecurity | None:
    """Return the same for FastStream's broker; None for plain text without a user."""
    context = tls_context(section)
    if section.user:
        kind = SASLScram512 if section.mechanism == "SCRAM-SHA-512" else SASLPlaintext
        return kind(
            username=section.user,
            password=password(section),
            ssl_context=context,
            use_ssl=context is not None,
        )
    return None if context is None else BaseSecurity(ssl_context=context, use_ssl=True)


def protocol_of(section: KafkaSection) -> str:
    """Return the security protocol: the configured one, else the one for the user and CA."""
    if section.protocol:
        return section.protocol
    transport = "PLAINTEXT" if section.ca_file is None else "SSL"
    return f"SASL_{transport}" if section.user else transport


def password(section: KafkaSection) -> str:
    """Return the user's password, from its file if it has one: a new one is used from then on.

    Raises:
        PasswordUnreadable: The file is missing, empty or not readable.
    """
    if section.password_file is None:
        return section.password.get_secret_value() if section.password is not None else ""
    return read_password(section.password_file)


def tls_context(section: KafkaSection) -> ssl.SSLContext | None:
    """Return the TLS context with the CA and the certificate if there is one; None: no TLS."""
    if not protocol_of(section).endswith("SSL"):
        return None
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=section.ca_file)
    if section.cert_file is not None:
        context.load_cert_chain(section.cert_file, section.key_file)
    return context
