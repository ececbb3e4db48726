"""The contract of archives: loading twice is loading once."""

from __future__ import annotations

from pathlib import Path

from socialcrm.errors import PluginError, SocialCRMError
from socialcrm.testing._bench import Bench
from socialcrm.testing._probe import Killed
from socialcrm.testing._promise import broken, check, check_texts
from socialcrm.testing._scenario import Scenario
from socialcrm.testing._state import State, compare, live_texts
from socialcrm.testing._suite_base import SuiteBase, moments_of, spread

__all__ = ["Archives"]

_NAME = "archive"


class Archives(SuiteBase):
    """The platform's own exports."""

    def test_loading_twice_is_loading_once(self, scenario: Scenario) -> None:
        """Everything in an archive arrives, and loading it again changes nothing."""
        with self.bench(scenario) as bench:
            path = self._archive(scenario, bench)
            self._load(bench, path)
            first = State.of(bench.crm)
            if scenario.archived:
                check_texts(
                    scenario.archived,
                    live_texts(bench.crm),
                    "every element of an archive arrives",
                    "the last batch, which is not full, is not yielded",
                )
            check(not first.parts["quarantine"], "what an archive usually holds can be parsed", "", first.parts["quarantine"])
            self._load(bench, path)
            check(
                not (found := compare(first, State.of(bench.crm))),
                "loading an archive again changes nothing",
                "ids are line numbers or made up; give those that the archive holds, or a digest of what does not change",
                found,
            )

    def test_killed_anywhere_a_load_ends_the_same(self, scenario: Scenario) -> None:
        """After a crash within a load, loading again ends in the same state."""
        with self.bench(scenario) as whole:
            path = self._archive(scenario, whole)
            moments = moments_of(whole, lambda: self._load(whole, path))
            expected = State.of(whole.crm)
        for number in spread(len(moments)):
            with self.bench(scenario) as bench:
                path = self._archive(scenario, bench)
                try:
                    with bench.killed_after(number):
                        self._load(bench, path)
                except Killed:
                    bench.reopen()
                self._load(bench, path)
                check(
                    not (found := compare(expected, State.of(bench.crm))),
                    "a load that was interrupted is done again from the beginning, and ends the same",
                    "load() keeps something in the class or in a file",
                    found,
                )

    def test_a_damaged_archive_is_told(self, scenario: Scenario) -> None:
        """A file that breaks off, or that is none, raises one of the library's errors."""
        with self.bench(scenario) as bench:
            path = self._archive(scenario, bench)
            self.need(path.is_file(), "its archive is a folder")
            whole = path.read_bytes()
            for name, content in {
                "half of it": whole[: len(whole) // 2],
                "an empty file": b"",
                "noise": bytes(range(256)) * 16,
            }.items():
                path.write_bytes(content)
                try:
                    self._load(bench, path)
                except PluginError as error:
                    broken(
                        "a file that is no such archive raises PayloadError, and says what was expected",
                        "the error of a parser (json, csv, zipfile, UnicodeDecodeError) escapes",
                        f"{error}, for {name}",
                    )
                except SocialCRMError:
                    continue

    def _archive(self, scenario: Scenario, bench: Bench) -> Path:
        self.need(self.connector.info.capabilities.archive, "it declares no archive")
        check(scenario.archive, "a declared archive is tested", "Scenario(archive=…) is left out")
        assert scenario.archive is not None  # noqa: S101 - said above
        return scenario.archive(bench.folder)

    def _load(self, bench: Bench, path: Path) -> None:
        bench.crm.load(path, platform=self.connector.info.platform, channel=_NAME, **bench.settings)
