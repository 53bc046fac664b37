"""Topic and consumer constants, generated from proto/topics.yaml; never edited."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic of the catalogue."""

    name: str
    owner: str
    partitions: int
    retention_minutes: int
    facts: frozenset[str]
    consumers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Consumer:
    """A consumer group of the catalogue; `dlq` is empty for readers without a dead-letter topic."""

    group: str
    service: str
    topics: tuple[str, ...]
    dlq: str


DIRECTORY_PERSON_V1 = Topic(
    name="directory.person.v1",
    owner="directory",
    partitions=3,
    retention_minutes=10080,
    facts=frozenset(("plexus.directory.v1.PersonAdded", "plexus.directory.v1.PersonChanged", "plexus.directory.v1.PersonDeactivated", "plexus.directory.v1.SessionRevoked",)),
    consumers=("search.people", "notify.people", "messaging.people", "tasks.people", "gateway.relations", "audit.facts", "messaging.replica", "search.replica", "notify.replica", "tasks.replica", "audit.replica", ),
)
DIRECTORY_DEPARTMENT_V1 = Topic(
    name="directory.department.v1",
    owner="directory",
    partitions=3,
    retention_minutes=10080,
    facts=frozenset(("plexus.directory.v1.DepartmentAdded", "plexus.directory.v1.DepartmentChanged",)),
    consumers=("messaging.departments", "gateway.relations", "audit.facts", "messaging.replica", "search.replica", "notify.replica", "tasks.replica", "audit.replica", ),
)
DIRECTORY_GROUP_V1 = Topic(
    name="directory.group.v1",
    owner="directory",
    partitions=3,
    retention_minutes=10080,
    facts=frozenset(("plexus.directory.v1.GroupChanged",)),
    consumers=("gateway.relations", "audit.facts", "messaging.replica", "search.replica", "notify.replica", "tasks.replica", "audit.replica", ),
)
DIRECTORY_ACCESS_V1 = Topic(
    name="directory.access.v1",
    owner="directory",
    partitions=1,
    retention_minutes=10080,
    facts=frozenset(("plexus.directory.v1.RoleChanged", "plexus.directory.v1.RoleBindingChanged", "plexus.directory.v1.AccessPolicyChanged", "plexus.directory.v1.ModuleChanged", "plexus.directory.v1.FeedStopped",)),
    consumers=("notify.access", "gateway.relations", "audit.facts", "messaging.replica", "search.replica", "notify.replica", "tasks.replica", "audit.replica", ),
)
DIRECTORY_ACCOUNT_V1 = Topic(
    name="directory.account.v1",
    owner="directory",
    partitions=3,
    retention_minutes=10080,
    facts=frozenset(("plexus.directory.v1.SessionStarted", "plexus.directory.v1.SignInFailed", "plexus.directory.v1.RefreshRepeated", "plexus.directory.v1.SignInEmailSet", "plexus.directory.v1.PasswordSet", "plexus.directory.v1.ApiTokenCreated", "plexus.directory.v1.SecondFactorAdded", "plexus.directory.v1.SecondFactorRemoved",)),
    consumers=("audit.facts", ),
)
MESSAGING_CONVERSATION_V1 = Topic(
    name="messaging.conversation.v1",
    owner="messaging",
    partitions=6,
    retention_minutes=10080,
    facts=frozenset(("plexus.messaging.v1.ConversationCreated", "plexus.messaging.v1.ConversationChanged", "plexus.messaging.v1.ConversationArchived", "plexus.messaging.v1.MessagePosted", "plexus.messaging.v1.MessageEdited", "plexus.messaging.v1.MessageRecalled", "plexus.messaging.v1.MessageReacted", "plexus.messaging.v1.MessagePinned", "plexus.messaging.v1.MessageLabeled", "plexus.messaging.v1.MembersAdded", "plexus.messaging.v1.MembersRemoved", "plexus.messaging.v1.ChainBegun",)),
    consumers=("search.messages", "notify.messages", "gateway.fanout", "audit.facts", ),
)
MESSAGING_CURSOR_V1 = Topic(
    name="messaging.cursor.v1",
    owner="messaging",
    partitions=3,
    retention_minutes=10080,
    facts=frozenset(("plexus.messaging.v1.CursorAdvanced",)),
    consumers=("gateway.fanout", "notify.cursors", ),
)
MESSAGING_PERSON_V1 = Topic(
    name="messaging.person.v1",
    owner="messaging",
    partitions=3,
    retention_minutes=10080,
    facts=frozenset(("plexus.messaging.v1.DraftSaved", "plexus.messaging.v1.DraftDeleted", "plexus.messaging.v1.ConversationSettingsChanged", "plexus.messaging.v1.ScheduledMessageChanged",)),
    consumers=("gateway.fanout", "notify.settings", ),
)
MESSAGING_SIGNAL_V1 = Topic(
    name="messaging.signal.v1",
    owner="messaging",
    partitions=3,
    retention_minutes=2,
    facts=frozenset(("plexus.messaging.v1.Typing", "plexus.messaging.v1.PresenceChanged",)),
    consumers=("gateway.signals", "messaging.presence", ),
)
TASKS_TASK_V1 = Topic(
    name="tasks.task.v1",
    owner="tasks",
    partitions=3,
    retention_minutes=10080,
    facts=frozenset(("plexus.tasks.v1.TaskCreated", "plexus.tasks.v1.TaskChanged", "plexus.tasks.v1.TaskOverdue",)),
    consumers=("search.tasks", "notify.tasks", "gateway.relations", "audit.facts", ),
)
TASKS_PROJECT_V1 = Topic(
    name="tasks.project.v1",
    owner="tasks",
    partitions=3,
    retention_minutes=10080,
    facts=frozenset(("plexus.tasks.v1.ProjectCreated", "plexus.tasks.v1.ProjectChanged",)),
    consumers=("gateway.relations", "audit.facts", ),
)
NOTIFY_NOTIFICATION_V1 = Topic(
    name="notify.notification.v1",
    owner="notify",
    partitions=3,
    retention_minutes=10080,
    facts=frozenset(("plexus.notify.v1.NotificationRaised", "plexus.notify.v1.NotificationChanged",)),
    consumers=("gateway.fanout", ),
)
GATEWAY_DECISION_V1 = Topic(
    name="gateway.decision.v1",
    owner="gateway",
    partitions=3,
    retention_minutes=10080,
    facts=frozenset(("plexus.gateway.v1.DecisionMade",)),
    consumers=("audit.decisions", ),
)

TOPICS = (DIRECTORY_PERSON_V1, DIRECTORY_DEPARTMENT_V1, DIRECTORY_GROUP_V1, DIRECTORY_ACCESS_V1, DIRECTORY_ACCOUNT_V1, MESSAGING_CONVERSATION_V1, MESSAGING_CURSOR_V1, MESSAGING_PERSON_V1, MESSAGING_SIGNAL_V1, TASKS_TASK_V1, TASKS_PROJECT_V1, NOTIFY_NOTIFICATION_V1, GATEWAY_DECISION_V1)

SEARCH_PEOPLE = Consumer(
    group="search.people",
    service="search",
    topics=('directory.person.v1', ),
    dlq="search.people.dlq",
)
SEARCH_MESSAGES = Consumer(
    group="search.messages",
    service="search",
    topics=('messaging.conversation.v1', ),
    dlq="search.messages.dlq",
)
SEARCH_TASKS = Consumer(
    group="search.tasks",
    service="search",
    topics=('tasks.task.v1', ),
    dlq="search.tasks.dlq",
)
MESSAGING_PEOPLE = Consumer(
    group="messaging.people",
    service="messaging",
    topics=('directory.person.v1', ),
    dlq="messaging.people.dlq",
)
MESSAGING_DEPARTMENTS = Consumer(
    group="messaging.departments",
    service="messaging",
    topics=('directory.department.v1', ),
    dlq="messaging.departments.dlq",
)
MESSAGING_PRESENCE = Consumer(
    group="messaging.presence",
    service="messaging",
    topics=('messaging.signal.v1', ),
    dlq="",
)
NOTIFY_PEOPLE = Consumer(
    group="notify.people",
    service="notify",
    topics=('directory.person.v1', ),
    dlq="notify.people.dlq",
)
NOTIFY_ACCESS = Consumer(
    group="notify.access",
    service="notify",
    topics=('directory.access.v1', ),
    dlq="notify.access.dlq",
)
NOTIFY_MESSAGES = Consumer(
    group="notify.messages",
    service="notify",
    topics=('messaging.conversation.v1', ),
    dlq="notify.messages.dlq",
)
NOTIFY_CURSORS = Consumer(
    group="notify.cursors",
    service="notify",
    topics=('messaging.cursor.v1', ),
    dlq="notify.cursors.dlq",
)
NOTIFY_TASKS = Consumer(
    group="notify.tasks",
    service="notify",
    topics=('tasks.task.v1', ),
    dlq="notify.tasks.dlq",
)
NOTIFY_SETTINGS = Consumer(
    group="notify.settings",
    service="notify",
    topics=('messaging.person.v1', ),
    dlq="notify.settings.dlq",
)
GATEWAY_FANOUT = Consumer(
    group="gateway.fanout",
    service="gateway",
    topics=('messaging.conversation.v1', 'messaging.cursor.v1', 'messaging.person.v1', 'notify.notification.v1', ),
    dlq="",
)
GATEWAY_SIGNALS = Consumer(
    group="gateway.signals",
    service="gateway",
    topics=('messaging.signal.v1', ),
    dlq="",
)
GATEWAY_RELATIONS = Consumer(
    group="gateway.relations",
    service="gateway",
    topics=('directory.person.v1', 'directory.department.v1', 'directory.group.v1', 'directory.access.v1', 'tasks.task.v1', 'tasks.project.v1', ),
    dlq="",
)
MESSAGING_REPLICA = Consumer(
    group="messaging.replica",
    service="messaging",
    topics=('directory.person.v1', 'directory.department.v1', 'directory.group.v1', 'directory.access.v1', ),
    dlq="",
)
SEARCH_REPLICA = Consumer(
    group="search.replica",
    service="search",
    topics=('directory.person.v1', 'directory.department.v1', 'directory.group.v1', 'directory.access.v1', ),
    dlq="",
)
NOTIFY_REPLICA = Consumer(
    group="notify.replica",
    service="notify",
    topics=('directory.person.v1', 'directory.department.v1', 'directory.group.v1', 'directory.access.v1', ),
    dlq="",
)
TASKS_PEOPLE = Consumer(
    group="tasks.people",
    service="tasks",
    topics=('directory.person.v1', ),
    dlq="tasks.people.dlq",
)
TASKS_REPLICA = Consumer(
    group="tasks.replica",
    service="tasks",
    topics=('directory.person.v1', 'directory.department.v1', 'directory.group.v1', 'directory.access.v1', ),
    dlq="",
)
AUDIT_REPLICA = Consumer(
    group="audit.replica",
    service="audit",
    topics=('directory.person.v1', 'directory.department.v1', 'directory.group.v1', 'directory.access.v1', ),
    dlq="",
)
AUDIT_FACTS = Consumer(
    group="audit.facts",
    service="audit",
    topics=('directory.person.v1', 'directory.department.v1', 'directory.group.v1', 'directory.access.v1', 'directory.account.v1', 'messaging.conversation.v1', 'tasks.task.v1', 'tasks.project.v1', ),
    dlq="audit.facts.dlq",
)
AUDIT_DECISIONS = Consumer(
    group="audit.decisions",
    service="audit",
    topics=('gateway.decision.v1', ),
    dlq="audit.decisions.dlq",
)

CONSUMERS = (SEARCH_PEOPLE, SEARCH_MESSAGES, SEARCH_TASKS, MESSAGING_PEOPLE, MESSAGING_DEPARTMENTS, MESSAGING_PRESENCE, NOTIFY_PEOPLE, NOTIFY_ACCESS, NOTIFY_MESSAGES, NOTIFY_CURSORS, NOTIFY_TASKS, NOTIFY_SETTINGS, GATEWAY_FANOUT, GATEWAY_SIGNALS, GATEWAY_RELATIONS, MESSAGING_REPLICA, SEARCH_REPLICA, NOTIFY_REPLICA, TASKS_PEOPLE, TASKS_REPLICA, AUDIT_REPLICA, AUDIT_FACTS, AUDIT_DECISIONS)

DLQ_PARTITIONS = 1
DLQ_RETENTION_MINUTES = 20160
