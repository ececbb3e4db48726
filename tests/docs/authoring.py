"""Does what the tutorial says, block by block, as its reader would."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

from .pages import DOCS, Block, blocks

__all__ = ["PAGE", "Reader"]

PAGE = DOCS / "plugins" / "tutorial.md"
_PORT = "8765"
_INSTALLING = ("python -m venv", ". .venv", "python -m pip")


class Reader:
    """Somebody who follows the tutorial in an empty folder.

    Args:
        folder: Where.
        port: On which port the forum is served, instead of the page's.
        really: Make the environment and install packages. Otherwise this interpreter is used, and the plugin is put on its path
            as an installer does.
    """

    def __init__(self, folder: Path, port: int, *, really: bool = False) -> None:
        self.folder, self._port, self._really = folder, str(port), really
        self.output: list[tuple[str, str]] = []
        self.seconds: dict[str, float] = {}
        self._environment = {**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "200", "NO_COLOR": "1"}
        self._environment.pop("PYTHONPATH", None)
        self._server: subprocess.Popen[str] | None = None
        self._path(folder / ".venv" / "bin" if really else Path(sys.executable).parent)

    def follow(self) -> None:
        """Do everything, from top to bottom; stops the forum whatever happens."""
        try:
            for block in blocks(PAGE):
                self._do(block)
        finally:
            if self._server is not None:
                self._server.kill()
                self._server.communicate()

    def said(self, command: str) -> str:
        """Return what the last command that began so printed."""
        return next(said for line, said in reversed(self.output) if line.startswith(command))

    def _do(self, block: Block) -> None:
        text = block.text.replace(_PORT, self._port)
        target = block.value("file") or block.value("add")
        if target:
            with (self.folder / target).open("a" if block.value("add") else "w", encoding="utf-8") as file:
                file.write(text)
        elif block.lang == "sh":
            for line in text.splitlines():
                started = time.perf_counter()
                self._command(line, fails="fails" in block.words)
                self.seconds[line] = time.perf_counter() - started

    def _command(self, line: str, *, fails: bool) -> None:
        if line.startswith("export "):
            name, _, value = line.removeprefix("export ").partition("=")
            self._environment[name] = value
        elif line.endswith("&"):
            self._serve(shlex.split(line.removesuffix("&")))
        elif line.startswith(". ") or (line.startswith(_INSTALLING) and not self._really):
            self._install()
        else:
            self._run(line, fails=fails)

    def _run(self, line: str, *, fails: bool) -> None:
        words = shlex.split(line)
        if words[0] == "python" and "venv" in words:
            words[0] = sys.executable
        elif words[0] == "python":
            words[0] = str(self._bin / "python")
        else:
            words[:1] = [str(self._bin / "python"), "-m", words[0]]
        done = subprocess.run(words, cwd=self.folder, env=self._environment, capture_output=True, text=True, check=False)
        said = done.stdout + done.stderr
        self.output.append((line, said))
        if bool(done.returncode) != fails:
            raise AssertionError(f"{line!r} ended with {done.returncode}:\n{said}")

    def _serve(self, words: list[str]) -> None:
        command = [str(self._bin / "python"), *words[1:]]
        pipe = subprocess.PIPE
        server = subprocess.Popen(command, cwd=self.folder, stdout=pipe, stderr=subprocess.DEVNULL, text=True)
        self._server = server
        if server.stdout is None or server.stdout.readline() != "Plaza is open.\n":
            raise AssertionError("the forum did not start")

    def _install(self) -> None:
        if self._really or not (self.folder / "pyproject.toml").exists():
            return
        info = self.folder / "socialcrm_plaza-0.1.0.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: socialcrm-plaza\nVersion: 0.1.0\n")
        (info / "entry_points.txt").write_text("[socialcrm]\nplaza = socialcrm_plaza\n")
        self._environment["PYTHONPATH"] = str(self.folder)

    def _path(self, folder: Path) -> None:
        self._bin = folder
        self._environment["PATH"] = f"{folder}{os.pathsep}{self._environment['PATH']}"
