"""The searchable kinds: each file of this folder defines one."""

import pkgutil
from importlib import import_module
from typing import Final

from search.domain.definitions import Kinds

KINDS: Final = Kinds(
    import_module(f"{__name__}.{module.name}").DEFINITION
    for module in pkgutil.iter_modules(__path__)
)
