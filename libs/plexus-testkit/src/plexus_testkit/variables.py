"""Settings of a process under test, as environment variables."""

from plexuskit.config import KafkaSection


def kafka_variables(service: str, section: KafkaSection) -> dict[str, str]:
    """Return the environment that gives a service's process this section of Kafka."""
    values = {
        "URL": section.url,
        "TOPIC_PREFIX": section.topic_prefix,
        "SESSION_SECONDS": str(section.session_seconds),
        "USER": section.user,
        "MECHANISM": section.mechanism,
        "PASSWORD": section.password.get_secret_value() if section.password else "",
        "PASSWORD_FILE": str(section.password_file) if section.password_file else "",
    }
    prefix = f"{service.upper()}_KAFKA__"
    return {f"{prefix}{key}": value for key, value in values.items() if value}
