"""Facts over Kafka: topics from the catalogue, a producer, consumers, dead letters, tails."""

from plexuskit.kafka import bootstrap
from plexuskit.kafka.best_effort import BestEffortProducer, best_effort_producer
from plexuskit.kafka.dlq import (
    RedriveReport,
    RedriveScattered,
    dlq_depth,
    dlq_list,
    dlq_redrive,
)
from plexuskit.kafka.evidence import Probe
from plexuskit.kafka.lag import Lag, lag
from plexuskit.kafka.letters import DeadLetter
from plexuskit.kafka.names import (
    REDRIVEN_FOR,
    TRACEPARENT,
    catalogue_name,
    dlq_topic,
    group_name,
    topic_name,
)
from plexuskit.kafka.omitted import Owners, owners_of
from plexuskit.kafka.producer import Outgoing, Producer, producer
from plexuskit.kafka.provision import (
    MAX_FACT_BYTES,
    Difference,
    ProvisionReport,
    TopicsReport,
    check_topics,
    provision,
)
from plexuskit.kafka.records import Handler, InvalidRecord, Record
from plexuskit.kafka.refusals import DeadLettersUnknown, KafkaUnavailable, RecordTooLarge
from plexuskit.kafka.runner import consumer
from plexuskit.kafka.skips import (
    HeldRecord,
    PartitionUnknown,
    RecordNotHeld,
    ask_to_skip,
    groups_standing_at,
    read_held,
)
from plexuskit.kafka.subscriptions import Subscriber, Subscription, subscription
from plexuskit.kafka.tail import TailLost, TopicTail, tail

bootstrap.install()

__all__ = [
    "MAX_FACT_BYTES",
    "REDRIVEN_FOR",
    "TRACEPARENT",
    "BestEffortProducer",
    "DeadLetter",
    "DeadLettersUnknown",
    "Difference",
    "Handler",
    "HeldRecord",
    "InvalidRecord",
    "KafkaUnavailable",
    "Lag",
    "Outgoing",
    "Owners",
    "PartitionUnknown",
    "Probe",
    "Producer",
    "ProvisionReport",
    "Record",
    "RecordNotHeld",
    "RecordTooLarge",
    "RedriveReport",
    "RedriveScattered",
    "Subscriber",
    "Subscription",
    "TailLost",
    "TopicTail",
    "TopicsReport",
    "ask_to_skip",
    "best_effort_producer",
    "catalogue_name",
    "check_topics",
    "consumer",
    "dlq_depth",
    "dlq_list",
    "dlq_redrive",
    "dlq_topic",
    "group_name",
    "groups_standing_at",
    "lag",
    "owners_of",
    "producer",
    "provision",
    "read_held",
    "subscription",
    "tail",
    "topic_name",
]
