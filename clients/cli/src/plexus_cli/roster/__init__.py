"""A company as two CSV files, and the directory requests that import it."""

from plexus_cli.roster.departments import DepartmentRow, read_departments
from plexus_cli.roster.people import PersonRow, managers_first, person_requests, read_people
from plexus_cli.roster.tables import DEPARTMENTS_HELP, PEOPLE_HELP, Broken

__all__ = [
    "DEPARTMENTS_HELP",
    "PEOPLE_HELP",
    "Broken",
    "DepartmentRow",
    "PersonRow",
    "managers_first",
    "person_requests",
    "read_departments",
    "read_people",
]
