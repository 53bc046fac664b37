"""The rules of projects, boards and tasks: frozen values, pure functions, named refusals."""
