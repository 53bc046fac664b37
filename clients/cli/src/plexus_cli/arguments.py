"""Parser of a command's words, driven by its description in the index."""

from pathlib import Path
from typing import Any, Final

from plexus_cli.language import counted, tr
from plexus_cli.options import BadParameter

END_OF_OPTIONS: Final = "--"


def read(command: dict[str, Any], words: list[str]) -> dict[str, Any]:
    """Return the given values of a command's parameters by name.

    Args:
        command: its description.
        words: words after the command; options may occur anywhere before `--`.

    Raises:
        BadParameter: an option is unknown, or a value is missing, superfluous or of another type.
    """
    options = _options(command)
    values: dict[str, Any] = {}
    places: list[str] = []
    waiting = iter(words)
    for word in waiting:
        if word == END_OF_OPTIONS:
            places += waiting
        elif word.startswith("-") and word != "-":
            _take_option(word, waiting, options=options, values=values)
        else:
            places.append(word)
    _take_places(command, places, values)
    _check_required(command, values)
    return values


def _options(command: dict[str, Any]) -> dict[str, tuple[dict[str, Any], bool]]:
    """Return the parameter of each option name, and whether the name switches it on."""
    return {
        name: (each, is_on)
        for each in command["parameters"]
        for names, is_on in ((each.get("flags", ()), True), (each.get("off", ()), False))
        for name in names
    }


def _take_option(
    word: str,
    waiting: Any,
    *,
    options: dict[str, tuple[dict[str, Any], bool]],
    values: dict[str, Any],
) -> None:
    name, equals, value = word.partition("=")
    if name not in options:
        raise BadParameter(_unknown(name, list(options)))
    parameter, is_on = options[name]
    if parameter["kind"] == "flag":
        if equals:
            raise BadParameter(tr("{name} takes no value", name=name))
        values[parameter["name"]] = is_on
        return
    given = value if equals else next(waiting, None)
    if given is None:
        raise BadParameter(tr("{name} needs a value", name=name))
    converted = _converted(parameter, given, shown=name)
    if parameter.get("many"):
        values.setdefault(parameter["name"], []).append(converted)
    else:
        values[parameter["name"]] = converted


def _unknown(name: str, known: list[str]) -> str:
    # Loaded only to report a mistake.
    from difflib import get_close_matches  # noqa: PLC0415

    near = get_close_matches(name, known, n=1)
    hint = tr(" Did you mean {name}?", name=near[0]) if near else ""
    return tr("There is no option {name}.", name=name) + hint


def _take_places(command: dict[str, Any], places: list[str], values: dict[str, Any]) -> None:
    """Assign words without an option to the arguments, in order; the last may take several."""
    for parameter in command["parameters"]:
        if "flags" in parameter:
            continue
        shown = parameter["metavar"].strip("[]")
        if parameter.get("many"):
            if places:
                values[parameter["name"]] = [
                    _converted(parameter, word, shown=shown) for word in places
                ]
            places = []
        elif places:
            values[parameter["name"]] = _converted(parameter, places[0], shown=shown)
            places = places[1:]
    if places:
        raise BadParameter(
            counted(
                len(places),
                "One word is too many: {words}",
                "{n} words are too many: {words}",
                words=" ".join(places),
            )
        )


def _check_required(command: dict[str, Any], values: dict[str, Any]) -> None:
    missing = [
        (parameter.get("flags") or [parameter["metavar"]])[0]
        for parameter in command["parameters"]
        if parameter["required"] and parameter["name"] not in values
    ]
    if missing:
        raise BadParameter(tr("Missing: {names}", names=" ".join(missing)))


def _converted(parameter: dict[str, Any], word: str, *, shown: str) -> Any:
    match parameter["kind"]:
        case "int":
            return _number(parameter, word, shown=shown)
        case "path":
            return _path(parameter, word, shown=shown)
        case _:
            choices = parameter.get("choices")
            if choices and word not in choices:
                wanted = ", ".join(choices)
                raise BadParameter(
                    tr(
                        "{name}: {word} is not one of {wanted}",
                        name=shown,
                        word=word,
                        wanted=wanted,
                    )
                )
            return word


def _number(parameter: dict[str, Any], word: str, *, shown: str) -> int:
    try:
        number = int(word)
    except ValueError:
        raise BadParameter(
            tr("{name}: {word} is not a whole number", name=shown, word=word)
        ) from None
    least, most = parameter.get("min"), parameter.get("max")
    if least is not None and number < least:
        raise BadParameter(tr("{name}: the smallest is {bound}", name=shown, bound=least))
    if most is not None and number > most:
        raise BadParameter(tr("{name}: the largest is {bound}", name=shown, bound=most))
    return number


def _path(parameter: dict[str, Any], word: str, *, shown: str) -> Path:
    path = Path(word)
    if parameter["exists"] and not path.exists():
        raise BadParameter(tr("{name}: {word} does not exist", name=shown, word=word))
    if not parameter["dir_okay"] and path.is_dir():
        raise BadParameter(tr("{name}: {word} is a folder", name=shown, word=word))
    return path
