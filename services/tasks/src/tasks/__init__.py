"""Projects, boards and tasks."""
