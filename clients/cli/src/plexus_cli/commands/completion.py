"""Completion of commands and options in a shell."""

import sys
from typing import Annotated

from plexus_cli.options import Argument

_BASH = """_plexus() {
  local IFS=$'\\n'
  COMPREPLY=($(plexus __complete "${COMP_WORDS[@]:1:COMP_CWORD}"))
}
complete -o default -F _plexus plexus
"""
SCRIPTS = {
    "bash": _BASH,
    "zsh": f"autoload -U +X bashcompinit && bashcompinit\n{_BASH}",
    "fish": (
        "complete -c plexus -f -a '(plexus __complete (commandline -opc)[2..] (commandline -ct))'\n"
    ),
}


def completion(
    shell: Annotated[str, Argument(help="Your shell.", choices=tuple(SCRIPTS))],
) -> None:
    """Print the script that completes commands and options: `eval "$(plexus completion bash)"`."""
    sys.stdout.write(SCRIPTS[shell])
