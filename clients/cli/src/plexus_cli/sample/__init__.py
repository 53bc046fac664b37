"""The sample company: `samples/company` converted to the requests of an import.

`load_sample`, then in this order, mapping the answers by external id in between:
`department_requests`, `people_requests`, `conversation_requests`, `message_requests`,
`project_requests`, `task_requests`.
"""

from plexus_cli.sample.company import (
    Conversation,
    Department,
    Message,
    Person,
    Project,
    Sample,
    SampleBroken,
    Task,
    load_sample,
)
from plexus_cli.sample.requests import (
    conversation_requests,
    department_requests,
    message_requests,
    people_requests,
)
from plexus_cli.sample.schedule import SampleDoesNotFit
from plexus_cli.sample.tasks import ProjectAct, TaskAct, project_requests, task_requests

__all__ = [
    "Conversation",
    "Department",
    "Message",
    "Person",
    "Project",
    "ProjectAct",
    "Sample",
    "SampleBroken",
    "SampleDoesNotFit",
    "Task",
    "TaskAct",
    "conversation_requests",
    "department_requests",
    "load_sample",
    "message_requests",
    "people_requests",
    "project_requests",
    "task_requests",
]
