"""The analysis plugin that the small distribution lacks, compiled on this machine.

The index ``.security``, where roles and API keys rest, is mapped with two token filters and
a tokenizer that the distribution from Maven leaves out.
"""

import hashlib
import json
import subprocess
import tempfile
import zipfile
from importlib.resources import files
from pathlib import Path
from typing import Final

from coworker_pipelines.kernel.errors import DefectError
from coworker_pipelines.services.java import JAVA_MIN, Jdk

NAME: Final = "coworker-analysis"
_COMPILE_TIMEOUT_S: Final = 120
_FACTORIES: Final = "org.elasticsearch.plugin.analysis"
_COMPONENTS: Final = {
    f"{_FACTORIES}.TokenFilterFactory": {
        "pattern_capture": "coworker.analysis.PatternCapture",
        "unique": "coworker.analysis.Unique",
    },
    f"{_FACTORIES}.TokenizerFactory": {"uax_url_email": "coworker.analysis.UaxUrlEmail"},
}


def plugin_sources() -> dict[str, str]:
    """The Java sources, by file name."""
    folder = files("coworker_pipelines.services") / "elasticsearch_plugin"
    return {
        source.name: source.read_text(encoding="utf-8")
        for source in sorted(folder.iterdir(), key=lambda source: source.name)
        if source.name.endswith(".java")
    }


def plugin_fingerprint() -> str:
    """Changes with the sources: a node's home that was built from older ones is not used again."""
    text = json.dumps([plugin_sources(), _COMPONENTS], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def install_plugin(home: Path, *, jdk: Jdk, version: str) -> None:
    """The node in ``home`` has the plugin, compiled against its own libraries.

    ``elasticsearch-plugin install`` is not used: its scanner runs out of heap.
    """
    folder = home / "plugins" / NAME
    folder.mkdir(parents=True)
    _compile(home / "lib", folder / f"{NAME}.jar", jdk)
    (folder / "named_components.json").write_text(json.dumps(_COMPONENTS), encoding="utf-8")
    (folder / "stable-plugin-descriptor.properties").write_text(
        f"description=Analysis components of the security index\nversion={version}\n"
        f"name={NAME}\njava.version={JAVA_MIN}\nelasticsearch.version={version}\n",
        encoding="utf-8",
    )


def _compile(libraries: Path, jar: Path, jdk: Jdk) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, text in plugin_sources().items():
            (folder / file).write_text(text, encoding="utf-8")
        classes = folder / "classes"
        javac = str(jdk.home / "bin" / "javac")
        command = [javac, "--release", str(JAVA_MIN), "-d", str(classes)]
        done = subprocess.run(
            [*command, "-cp", str(libraries / "*"), *map(str, folder.glob("*.java"))],
            check=False,
            capture_output=True,
            timeout=_COMPILE_TIMEOUT_S,
            text=True,
        )
        if done.returncode != 0:
            raise DefectError(f"The analysis plugin does not compile: {done.stderr.strip()}")
        with zipfile.ZipFile(jar, "w") as archive:
            for compiled in sorted(classes.rglob("*.class")):
                archive.write(compiled, compiled.relative_to(classes))
