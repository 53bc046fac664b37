"""Java runtime for Kafka and OpenSearch, and their jars from Maven Central."""

import functools
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from plexus_local.servers.child import tethered
from plexus_local.servers.errors import ToolMissing
from plexus_local.servers.home import locked, tools

OLDEST = 21
# OpenSearch builds a Thai analyser for every index with an analysis section, and its vectors need
# the incubator module; reduced runtimes have neither.
MODULES = {"jdk.localedata": "Thai locale data", "jdk.incubator.vector": "vector support"}
PLACES = (
    "/usr/lib/jvm/*",
    "/usr/lib64/jvm/*",
    "/usr/java/*",
    "/opt/java/*",
    "/opt/*jdk*",
    "/usr/local/*jdk*",
    "/usr/local/opt/openjdk*/libexec/openjdk.jdk/Contents/Home",
    "/opt/homebrew/opt/openjdk*/libexec/openjdk.jdk/Contents/Home",
    "/Library/Java/JavaVirtualMachines/*/Contents/Home",
    "~/.jdks/*",
    "~/.sdkman/candidates/java/*",
    "~/.asdf/installs/java/*",
    "~/.local/share/mise/installs/java/*",
)
POM = "{http://maven.apache.org/POM/4.0.0}"
JARS = Path(__file__).with_name("jars")


@dataclass(frozen=True)
class Runtime:
    """A Java runtime found on this machine."""

    java: Path
    version: tuple[int, ...]
    lacks: tuple[str, ...]

    @property
    def fits(self) -> bool:
        """True if it can run Kafka and OpenSearch."""
        return self.version[:1] >= (OLDEST,) and not self.lacks

    def __str__(self) -> str:
        number = ".".join(str(part) for part in self.version)
        lacks = f", without {' and '.join(self.lacks)}" if self.lacks else ""
        return f"{self.java} ({number}{lacks})"


@functools.cache
def java() -> Path:
    """Return the `java` to use: JAVA_HOME's if it fits, else the newest installed one that does.

    Raises:
        ToolMissing: None is complete and Java 21 or newer; the text lists the examined ones.
    """
    named = os.environ.get("JAVA_HOME")
    first = examined(Path(named) / "bin" / "java") if named else None
    if first is not None and first.fits:
        return first.java

    runtimes = sorted(installed(), key=lambda runtime: runtime.version, reverse=True)
    for runtime in runtimes:
        if runtime.fits:
            return runtime.java
    seen = "; ".join(str(runtime) for runtime in runtimes) or "none is installed"
    raise ToolMissing(
        what=f"Kafka and OpenSearch need a complete Java {OLDEST} or newer. Found: {seen}.",
        remedy=f"install a JDK ({OLDEST} or newer, for example Temurin 25) or point JAVA_HOME to "
        "one; or give the servers' addresses in the environment",
    )


def installed() -> Iterator[Runtime]:
    """Yield every runtime in the standard locations, each once."""
    on_path = shutil.which("java")
    candidates = [Path(on_path)] if on_path else []
    for place in PLACES:
        pattern = Path(place).expanduser()
        anchor = Path(pattern.anchor)
        candidates += [
            folder / "bin" / "java" for folder in anchor.glob(str(pattern.relative_to(anchor)))
        ]
    for program in dict.fromkeys(path.resolve() for path in candidates if path.is_file()):
        runtime = examined(program)
        if runtime is not None:
            yield runtime


def examined(program: Path) -> Runtime | None:
    """Query a `java` for its version and modules; None if it fails (older than 9, broken)."""
    try:
        told = subprocess.run(
            [program, "--list-modules"], capture_output=True, text=True, timeout=20, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None

    modules = dict(line.split("@", 1) for line in told.splitlines() if "@" in line)
    version = re.match(r"[\d.]+", modules.get("java.base", ""))
    if version is None:
        return None
    return Runtime(
        java=program,
        version=tuple(int(part) for part in version.group().strip(".").split(".")),
        lacks=tuple(what for module, what in MODULES.items() if module not in modules),
    )


def jars(name: str) -> Path:
    """Return the folder with the jars of `name` (kafka, opensearch), fetched once with Maven.

    Parallel runs wait for the one that downloads; a failed download leaves no files. A changed pom
    is downloaded again.

    Raises:
        ToolMissing: Maven is missing or cannot reach its repository.
    """
    pom = JARS / f"{name}.xml"
    folder = tools() / f"{name}-{_version(pom)}"
    with locked(folder.parent / f".{folder.name}.lock"):
        fetched = folder / "pom.xml"
        if not fetched.is_file() or fetched.read_bytes() != pom.read_bytes():
            _fetch(pom, folder)
    return folder / "libs"


def _version(pom: Path) -> str:
    """Read the version of the first dependency, which is the server itself."""
    found = ET.parse(pom).find(f".//{POM}dependency/{POM}version")  # noqa: S314 - our own
    if found is None or not found.text:
        raise ValueError(f"{pom} names no version")
    return found.text


def _fetch(pom: Path, folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise ToolMissing(
            what=f"Maven is needed once to fetch {folder.name} and `mvn` is not on the PATH.",
            remedy="install Maven (apt install maven, brew install maven), or give the server's "
            "address in the environment",
        )

    for abandoned in folder.parent.glob(f".{folder.name}-*"):  # left by a run that was killed
        shutil.rmtree(abandoned)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as temporary:
        fresh = Path(temporary) / "fresh"
        fresh.mkdir()
        shutil.copyfile(pom, fresh / "pom.xml")
        run = subprocess.run(
            tethered(
                [
                    *(maven, "-q", "-B", "-f", str(fresh / "pom.xml")),
                    "dependency:copy-dependencies",
                    f"-DoutputDirectory={fresh / 'libs'}",
                ]
            ),
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        if run.returncode != 0 or not any((fresh / "libs").glob("*.jar")):
            end = "\n".join((run.stdout + run.stderr).splitlines()[-8:])
            raise ToolMissing(
                what=f"Maven could not fetch {folder.name}:\n{end}",
                remedy="check the network and the repository settings in ~/.m2/settings.xml",
            )
        if folder.exists():
            folder.rename(Path(temporary) / "old")
        fresh.rename(folder)
