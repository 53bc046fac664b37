"""Projects by id or name."""

from plexus.tasks.v1.tasks_pb2 import Project
from plexus.tasks.v1.tasks_service_pb2 import ListProjectsRequest
from plexus_sdk import Plexus, Refused
from plexus_sdk.names import Named, closest

from plexus_cli.language import tr


async def all_projects(plexus: Plexus) -> list[Project]:
    """Read every page of the caller's projects."""
    found: list[Project] = []
    request = ListProjectsRequest(page_size=200)
    while True:
        page = await plexus.call(plexus.tasks.ListProjects, request)
        found += page.projects
        if not page.next_page_token:
            return found
        request.page_token = page.next_page_token


async def project_id_of(plexus: Plexus, project: str) -> str:
    """Return the id of a project given by its id or name; open ones come first.

    Raises:
        Refused: the caller has no project, or several, of that name.
    """
    if not project or project.startswith("prj_"):
        return project
    every = await all_projects(plexus)
    names = [Named(each.id, each.name) for each in every if not each.closed]
    matching = closest(project, names) or closest(
        project, [Named(each.id, each.name) for each in every]
    )
    if len(matching) != 1:
        ids = ", ".join(each.shown for each in matching)
        raise Refused(
            tr("{name} is the name of {ids}: give one of the ids.", name=project, ids=ids)
            if matching
            else tr(
                "You are in no project called {name}: see `plexus projects list`.", name=project
            ),
            reason="PROJECT_NOT_FOUND",
        )
    return matching[0].id
