"""``socialcrm new-connector``: a complete plugin project that passes its own tests, lint and types at once."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

import click

from socialcrm.errors import SettingsError

__all__ = ["new_connector", "scaffold"]

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST = 30
_SUFFIX = ".template"
_PLACES = {"PACKAGE": "$package", "gitignore": ".gitignore"}
_WORKSPACE = "\n[tool.uv.sources]\nsocialcrm = { workspace = true }\n"


def scaffold(name: str, *, title: str = "", folder: Path | None = None) -> Path:
    """Write a plugin project.

    Args:
        name: The platform's name: lower-case letters, digits and single hyphens, at most 30.
        title: The platform's own spelling of its name; made from ``name`` by default.
        folder: Where the project's folder goes; ``plugins/`` inside socialcrm's own repository, else here.

    Returns:
        The project's folder, ``socialcrm-NAME``.

    Raises:
        SettingsError: The name or title can't be used, the folder can't be written, or the project is there already.
    """
    name = name.removeprefix("socialcrm-")
    repository = _repository(folder or Path.cwd())
    inside = folder or (repository / "plugins" if repository else Path.cwd())
    words = _words(name, title or name.replace("-", " ").title(), in_repository=repository is not None)
    target = inside / words["dist"]
    if target.exists():
        raise SettingsError(f"{target} is there already and is left as it is; choose another name, or --in another folder")
    try:
        target.mkdir(parents=True)
        for place, text in _files(files("socialcrm.cli") / "_templates" / "connector", words):
            path = target / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{target} can't be written: {error.strerror}; choose another folder with --in") from error
    return target


@click.command("new-connector")
@click.argument("name")
@click.option("--title", default="", help="The platform's own spelling of its name.")
@click.option("--in", "folder", type=click.Path(path_type=Path, file_okay=False), help="Where to put the project's folder.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def new_connector(name: str, title: str, folder: Path | None, as_json: bool) -> None:
    """Write a complete plugin project for the platform NAME: connector, settings, tests, documentation.

    It works as it is, with a small server that its tests bring along. It never overwrites anything.

    \b
    Example:
      socialcrm new-connector plaza --title "Plaza Forum"
    """
    target = scaffold(name, title=title, folder=folder)
    if as_json:
        written = sorted(str(path.relative_to(target)) for path in target.rglob("*") if path.is_file())
        click.echo(json.dumps({"project": str(target), "files": written}))
        return
    click.echo(f"Wrote {target}. Try it:")
    click.echo(f"  cd {target}\n  python -m pip install -e '.[dev]'\n  pytest\n  socialcrm plugins doctor")
    click.echo("Then change src/*/_connector.py and _parse.py; the author's guide is in socialcrm's docs/plugins/.")


def _words(name: str, title: str, *, in_repository: bool) -> Mapping[str, str]:
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise SettingsError(
            f"{name!r} can't be a platform's name: use at most {_LONGEST} lower-case letters, digits and single hyphens, "
            "beginning with a letter, such as 'plaza' or 'my-forum'"
        )
    if not title.isprintable() or set(title) & set("\"'\\{}[]`$<>") or not 0 < len(title.strip()) <= _LONGEST:
        raise SettingsError(f"{title!r} can't be a title: use at most {_LONGEST} plain characters, without quotes and brackets")
    return {
        "name": name,
        "title": title.strip(),
        "dist": f"socialcrm-{name}",
        "package": f"socialcrm_{name.replace('-', '_')}",
        "Class": "".join(part.capitalize() for part in name.split("-")),
        "year": str(datetime.now(UTC).year),
        "minimum": _minimum(),
        "workspace": _WORKSPACE if in_repository else "",
    }


def _minimum() -> str:
    from importlib.metadata import version

    return ".".join(version("socialcrm").split(".")[:2])


def _files(folder: Traversable, words: Mapping[str, str], under: str = "") -> Iterator[tuple[str, str]]:
    for entry in folder.iterdir():
        stem = entry.name.removesuffix(_SUFFIX)
        place = under + Template(_PLACES.get(stem, stem)).substitute(words)
        if entry.is_dir():
            yield from _files(entry, words, f"{place}/")
        elif entry.name.endswith(_SUFFIX):
            yield place, Template(entry.read_text(encoding="utf-8")).substitute(words)


def _repository(folder: Path) -> Path | None:
    """Return socialcrm's own repository, if the folder lies in it."""
    for place in (folder.resolve(), *folder.resolve().parents):
        try:
            project = tomllib.loads((place / "pyproject.toml").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if project.get("project", {}).get("name") == "socialcrm":
            return place
    return None
