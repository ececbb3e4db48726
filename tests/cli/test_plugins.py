"""``socialcrm plugins``: broken plugins, invented here and put on the path as if they were installed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from socialcrm.cli._examine import examine
from socialcrm.cli._plugins import plugins
from socialcrm.errors import NotFound

Install = Callable[..., None]

SOUND = """
from attrs import field, frozen
from socialcrm.connectors import Capabilities, Connector, ConnectorInfo, Receipt, Stream, TextLimit, hookimpl
from socialcrm.types import Secret, Visibility

@frozen(kw_only=True)
class Settings:
    server: str = field(metadata={"help": "the address"})
    token: Secret = field(metadata={"help": "a token"})

class Sound(Connector[Settings]):
    info = ConnectorInfo(
        platform="sound", title="Sound", settings=Settings, streams={"all": Stream(title="everything")},
        capabilities=Capabilities(send=True, text=TextLimit(140), visibility=frozenset({Visibility.PUBLIC})),
        documentation=("Sound's manual",), proven="nothing but this test",
    )
    def fetch(self, stream, cursor): yield
    def parse(self, raw): return []
    def send(self, message, cursor): yield
    def settle(self, message, cursor): yield

@hookimpl
def socialcrm_connectors(): return [Sound]
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return what puts a module and its metadata on the path, as an installer does."""
    monkeypatch.syspath_prepend(tmp_path)

    def install(source: str, name: str = "sound", *, package: str = "", entry: bool = True) -> None:
        package = package or f"socialcrm-{name}"
        module = f"{package.replace('-', '_')}_for_tests"
        (tmp_path / f"{module}.py").write_text(source)
        monkeypatch.delitem(sys.modules, module, raising=False)
        info = tmp_path / f"{package.replace('-', '_')}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n")
        if entry:
            (info / "entry_points.txt").write_text(f"[socialcrm]\n{name} = {module}\n")

    return install


def run(*words: str) -> Result:
    return CliRunner().invoke(plugins, words)


def told(name: str) -> dict[str, Any]:
    result = run("show", name, "--json")
    assert result.exception is None, result.output
    found: dict[str, Any] = json.loads(result.output)
    return found


def wrongs(name: str) -> str:
    return "\n".join(f"{one['what']}. {one['advice']}" for one in told(name)["findings"] if one["wrong"])


def test_a_sound_plugin_passes_the_doctor(install: Install) -> None:
    """A plugin that keeps its promises is ok, and the doctor exits with 0 if all are."""
    install(SOUND)
    result = run("doctor")
    assert "ok     sound  socialcrm-sound 1.2 (imported in " in result.output
    assert result.exit_code == 0


def test_show_tells_everything(install: Install) -> None:
    """Showing a plugin tells platform, contract, streams, settings, capabilities, hooks, documentation and proof."""
    install(SOUND)
    found = told("sound")
    assert (found["distribution"], found["hooks"], found["ok"]) == ("socialcrm-sound 1.2", ["socialcrm_connectors"], True)
    (info,) = found["platforms"]
    assert info["contract"] == 1
    assert info["streams"]["all"]["title"] == "everything"
    assert info["settings"][1] == {"name": "token", "type": "Secret", "default": "required", "help": "a token"}
    assert info["capabilities"]["text"] == {"size": 140, "unit": "code points"}
    assert info["capabilities"]["visibility"] == ["public"]
    assert (info["documentation"], info["proven"]) == (["Sound's manual"], "nothing but this test")


def test_show_for_people_tells_the_same(install: Install) -> None:
    """The text for people holds the settings' help, the limit and the proof."""
    install(SOUND)
    shown = run("show", "sound").output
    for expected in ("token (Secret, required): a token", "at most 140 code points", "proven on: nothing but this test"):
        assert expected in shown


def test_a_plugin_is_found_by_package_too(install: Install) -> None:
    """A plugin is shown by its entry point, its platform or its package."""
    install(SOUND)
    assert told("socialcrm-sound")["name"] == "sound"


def test_an_unknown_plugin_suggests_one(install: Install) -> None:
    """Asking for a plugin that is not there names the nearest one."""
    install(SOUND)
    with pytest.raises(NotFound, match="did you mean 'sound'"):
        CliRunner().invoke(plugins, ["show", "sond"], catch_exceptions=False)


BROKEN = {
    "a missing package": ("import nothing_of_this_name", "ModuleNotFoundError", "pip install --force-reinstall"),
    "an error at import": ("raise RuntimeError('no')", "RuntimeError: no", "pip install --upgrade"),
    "an exit at import": ("raise SystemExit(3)", "SystemExit: 3", "pip install --upgrade"),
    "a syntax error": ("def", "SyntaxError", "pip install --upgrade"),
    "another contract": (SOUND.replace('title="Sound"', "contract=99"), "contract 99", "pip install --upgrade"),
    "no connector": (SOUND.replace("return [Sound]", "return [object]"), "hooks failed", "tell its authors"),
    "a hook that raises": (SOUND.replace("return [Sound]", "raise KeyError(1)"), "KeyError", "tell its authors"),
    "a clash of platforms": (SOUND.replace('"sound"', '"wordpress"'), "clashes", "pip uninstall"),
    "info of another kind": (SOUND.replace("info = ConnectorInfo(", "info = dict("), "hooks failed", "tell its authors"),
    "no hook": ("", "implements no hook", "hookimpl"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_plugin_is_reported_and_stops_nothing(install: Install, what: str) -> None:
    """Whatever a plugin does, the others work, the doctor says why and what to do, and exits with 1."""
    source, why, advice = BROKEN[what]
    install(source, "zz-broken")
    result = run("doctor")
    assert result.exit_code == 1
    assert why in result.output
    assert advice in result.output
    assert "ok     email" in result.output
    assert run("list").exit_code == 0


def test_a_clash_of_names_is_reported(install: Install) -> None:
    """Two packages that register the same name: the second is reported, with what to uninstall."""
    install(SOUND)
    install(SOUND, package="other-sound")
    assert "clashes" in run("list").output


def test_a_package_without_entry_is_reported(install: Install) -> None:
    """A package that is named like a plugin and registers nothing is pointed out."""
    install(SOUND, entry=False)
    result = run("doctor")
    assert result.exit_code == 1
    assert "[project.entry-points.socialcrm]" in result.output


PROMISES = {
    "declared": ("send=True,", "send=True, search=True,", "declares capability 'search' but does not implement search()"),
    "implemented": ("send=True,", "", "implements send() but does not declare capability 'send'"),
    "no fetch": ("def fetch", "def fetsh", "declares a stream but does not implement fetch()"),
    "no parse": ("def parse", "def parze", "does not implement parse()"),
    "no settle": ("def settle", "def setle", "does not implement settle()"),
    "no visibility": ("visibility=frozenset({Visibility.PUBLIC})", "", "no visibility"),
    "plain token": ("token: Secret", "token: str", "looks like a credential"),
    "no type": ("server: str", "server: Any", "can't be read: NameError"),
    "any type": ("server: str", "server: 'object.__class__ and __import__(\"typing\").Any'", "has no type"),
    "no class": ("settings=Settings", "settings=dict", "settings class can't be read"),
}


@pytest.mark.parametrize("what", PROMISES)
def test_a_promise_that_is_not_kept_is_found(install: Install, what: str) -> None:
    """What is declared and not implemented, implemented and not declared, or badly typed is wrong."""
    before, after, expected = PROMISES[what]
    assert before in SOUND
    source = SOUND.replace(before, after)
    install("from __future__ import annotations\n" + source if what == "no type" else source)
    assert expected in wrongs("sound")


def test_idempotent_needs_no_settle(install: Install) -> None:
    """A connector whose sends are idempotent may do without settle."""
    install(SOUND.replace("def settle", "def setle").replace("send=True,", "send=True, idempotent=True,"))
    assert wrongs("sound") == ""


def test_a_slow_import_is_a_note(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow import is pointed out, and is no failure."""
    monkeypatch.setattr("socialcrm.cli._examine._SLOW", 0.0)
    install(SOUND)
    (finding,) = told("sound")["findings"]
    assert "import takes" in finding["what"]
    assert not finding["wrong"]


def test_terminals_are_not_at_a_plugin_s_mercy(install: Install) -> None:
    """Control characters in what a plugin says do not reach the terminal."""
    install("raise RuntimeError('\\x1b[2J\\x1b]0;gotcha\\x07')")
    assert "\x1b" not in run("list").output


def test_json_of_all_commands_parses(install: Install) -> None:
    """Every command prints one JSON document with ``--json``, broken plugins included."""
    install("raise RuntimeError('no')", "zz-broken")
    assert [one["name"] for one in json.loads(run("list", "--json").output)][-1] == "zz-broken"
    doctor = json.loads(run("doctor", "--json").output)
    assert (doctor["ok"], doctor["contract"]) == (False, 1)


def test_the_shipped_plugins_are_well() -> None:
    """The connectors of this repository have no finding at all."""
    ours = [plugin for plugin in examine() if plugin.report.distribution.startswith("socialcrm-")]
    assert {plugin.report.name for plugin in ours} >= {"email", "mastodon", "wordpress"}
    assert [str(finding) for plugin in ours for finding in plugin.findings] == []
