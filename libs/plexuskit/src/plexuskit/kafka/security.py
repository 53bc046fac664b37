"""How brokers are spoken to: in plain text, or over TLS with a CA of one's own."""

import ssl
from typing import Any

from plexuskit.config import KafkaSection


def security(section: KafkaSection) -> dict[str, Any]:
    """Return the arguments of aiokafka's clients; empty for plain text.

    The brokers' certificates must be of the CA, for the names or addresses that they are reached
    by. Raises OSError or ssl.SSLError for files that cannot be used.
    """
    context = tls_context(section)
    if context is None:
        return {}
    return {"security_protocol": "SSL", "ssl_context": context}


def tls_context(section: KafkaSection) -> ssl.SSLContext | None:
    """Return what checks the brokers, and shows the certificate if there is one; None: no TLS."""
    if section.ca_file is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=section.ca_file)
    if section.cert_file is not None:
        context.load_cert_chain(section.cert_file, section.key_file)
    return context
