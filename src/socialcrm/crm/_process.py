"""The process and its course: ``crm.playbooks``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from socialcrm import cases
from socialcrm.cases import Backtest, Flood, Goal, Playbook, Replay, Staffing, Timeline
from socialcrm.errors import SettingsError, SocialCRMError, StateError
from socialcrm.store import number, ref
from socialcrm.types import Case, from_micros, micros, utc

if TYPE_CHECKING:
    from socialcrm.crm._crm import CRM

__all__ = ["Incidents", "Playbooks", "Published", "Shift", "Told"]


@frozen(kw_only=True)
class Published:
    """A playbook that is or was in force.

    Args:
        version: Its name and digest.
        since: Since when; ``None`` for from the beginning.
        by: Who published it; empty for what applied before anything was published.
    """

    version: str
    since: datetime | None
    by: str


@frozen(kw_only=True)
class Shift:
    """What a playbook would change about an open case.

    Args:
        case: The case's short id.
        playbook: The version that it is under now.
        due: By when an answer is due, now and then; ``None`` while none is.
        resolve_by: By when it should be resolved, now and then.
        sooner: By how much its need grows; negative where it shrinks.
    """

    case: str
    playbook: str
    due: tuple[datetime | None, datetime | None]
    resolve_by: tuple[datetime | None, datetime | None]
    sooner: timedelta = timedelta()


class Playbooks:
    """Playbooks of a workspace: tried, published, migrated to, taken back.

    A playbook is given as a `Playbook`, as the path of its TOML file, or as the version of one that was in use before.
    """

    def __init__(self, crm: CRM) -> None:
        self._crm = crm

    @property
    def current(self) -> Playbook:
        """The playbook in force."""
        with self._crm.store.read() as tx:
            return Timeline.load(tx, self._crm.playbook).now

    def get(self, playbook: Playbook | str | Path) -> Playbook:
        """Return a playbook by path or version.

        Raises:
            PlaybookError: The file says something impossible: file, line, and what is allowed there.
            NotFound: No playbook of that version was ever in use here.
        """
        if isinstance(playbook, Playbook):
            return playbook
        if isinstance(playbook, Path) or playbook.endswith(".toml"):
            return cases.load_playbook(playbook)
        with self._crm.store.read() as tx:
            timeline = Timeline.load(tx, self._crm.playbook)
            return timeline.known.get(playbook) or cases.stored(tx, playbook)

    def history(self) -> list[Published]:
        """Return what was published, oldest first."""
        with self._crm.store.read() as tx:
            return [
                Published(version=version, since=from_micros(since) if since else None, by=by)
                for since, version, by in cases.published(tx)
            ]

    def publish(self, playbook: Playbook | str | Path, *, by: str) -> Playbook:
        """Put a playbook into force: for cases that begin from now on. Open ones stay under theirs until `migrate`.

        The first playbook of a workspace without any history is in force from the beginning, so that archives loaded
        afterwards are handled by it too.

        Raises:
            PlaybookError: It says something impossible.
            SettingsError: It has no author.
            StateError: It is in force already.
        """
        if not by:
            raise SettingsError("publishing needs its author: by='ana'")
        wanted, crm = self.get(playbook), self._crm
        with crm.store.write() as tx:
            if cases.published(tx) and Timeline.load(tx, crm.playbook).now.version == wanted.version:
                raise StateError(f"{wanted.version} is in force already; change it, then publish it")
            cases.publish(tx, wanted, default=crm.playbook, at=crm.now(), actor=by)
        return wanted

    def preview(self, playbook: Playbook | str | Path | None = None) -> list[Shift]:
        """Say what `migrate` would change about open cases; changes nothing.

        Args:
            playbook: Which; the one in force by default.
        """
        wanted = self.current if playbook is None else self.get(playbook)
        with self._crm.store.read() as tx:
            changes = cases.preview(tx, wanted, self._crm.playbook, now=self._crm.now())
        return [
            Shift(
                case=ref("case", one.case),
                playbook=one.playbook,
                due=_times(one.due),
                resolve_by=_times(one.resolve_by),
                sooner=timedelta(microseconds=(one.need[0] or 0) - (one.need[1] or 0)) if None not in one.need else timedelta(),
            )
            for one in changes
        ]

    def migrate(self, *, by: str) -> int:
        """Put every open case under the playbook in force; what has elapsed is kept, closed cases are untouched.

        Returns:
            How many cases moved.
        """
        if not by:
            raise SettingsError("migrating needs its author: by='ana'")
        crm = self._crm
        with crm.store.write() as tx:
            wanted = Timeline.load(tx, crm.playbook).now
            events = cases.migrate(tx, wanted, crm.playbook, now=crm.now(), by=by)
        crm.announce(events)
        return sum(event.kind == "migrated" for event in events)

    def rollback(self, *, by: str) -> Playbook:
        """Publish the playbook again that was in force before this one. Open cases follow at the next `migrate`.

        Raises:
            StateError: There was none before.
        """
        with self._crm.store.read() as tx:
            versions = [version for _, version, _ in cases.published(tx)]
        if not versions:
            raise StateError("no playbook was published yet, so there is none to go back from")
        before = next((version for version in reversed(versions[:-1]) if version != versions[-1]), self._crm.playbook.version)
        if before == versions[-1]:
            raise StateError("there was no other playbook before this one")
        return self.publish(before, by=by)

    def replay(self) -> Replay:
        """Decide everything again, with the playbooks that decided then, and compare every event. Writes and sends nothing."""
        with self._crm.store.read() as tx:
            return cases.replay(tx, self._crm.playbook)

    def backtest(self, playbook: Playbook | str | Path, *, limit: int = 1000) -> Backtest:
        """Say what a playbook would have made of recorded history. Writes and sends nothing.

        Args:
            playbook: Which.
            limit: How many differences to keep, besides counting all.
        """
        wanted = self.get(playbook)
        with self._crm.store.read() as tx:
            return cases.backtest(tx, wanted, Timeline.load(tx, self._crm.playbook), limit=limit)

    def staff(
        self, *, since: datetime, until: datetime, minutes: float, share: float = 0.95, agents: int | None = None, seed: int = 1
    ) -> Staffing:
        """Say how many agents, around the clock, would have answered a share of the recorded waits in time.

        Args:
            since: The first moment.
            until: The moment after the last one.
            minutes: How long an answer takes on average.
            share: Which share, between 0 and 1.
            agents: Simulate this many instead of looking for the smallest number.
            seed: Of the times that answers take.

        Raises:
            SettingsError: ``simpy`` is not installed, or no number of agents would do.
        """
        with self._crm.store.read() as tx:
            waits: Sequence[cases.Wait] = sorted(cases.recorded_waits(tx, since=micros(utc(since)), until=micros(utc(until))))
        if agents is not None:
            return cases.simulate(waits, agents, minutes=minutes, seed=seed)
        return cases.staff(waits, minutes=minutes, share=share, seed=seed)

    def aim(self, name: str, clock: str, *, share: float, by: str, since: datetime | None = None) -> None:
        """Set a goal: which share of the cases should never miss a target. It outlives playbooks.

        Args:
            name: Its name; the goal of that name is replaced.
            clock: ``first`` answer, ``next`` answer, or ``resolution``.
            share: Between 0 and 1.
            by: Who says so.
            since: Cases opened from then on count; all, where missing.

        Raises:
            SettingsError: There is no such clock, or the share is none.
        """
        if not by:
            raise SettingsError("a goal needs its author: by='ana'")
        with self._crm.store.write() as tx:
            cases.aim(tx, name, clock, share, since=micros(utc(since)) if since is not None else 0)

    def drop(self, name: str) -> None:
        """Give up a goal.

        Raises:
            NotFound: There is none of that name.
        """
        with self._crm.store.write() as tx:
            cases.drop(tx, name)

    def goals(self) -> list[Goal]:
        """Return every goal with how it stands, for all playbooks and for each; without any data it says so."""
        with self._crm.store.read() as tx:
            return cases.goals(tx)


@define(kw_only=True)
class Told:
    """To whom an update of an incident goes.

    Args:
        replies: The short ids of the queued replies.
        held_back: For each case that could not be answered, why.
    """

    replies: list[str] = field(factory=list)
    held_back: dict[str, str] = field(factory=dict)


class Incidents:
    """One cause behind many cases: ``crm.cases.incidents``."""

    def __init__(self, crm: CRM) -> None:
        self._crm = crm

    def notice(self, *, within: timedelta = timedelta(hours=1), least: int = 10, times: float = 5) -> list[Flood]:
        """Say what many customers have suddenly begun to write about; opens nothing.

        Args:
            within: How long a short time is.
            least: How many customers at least.
            times: How many times as many as in as long a time before.
        """
        with self._crm.store.read() as tx:
            span = int(within / timedelta(microseconds=1))
            return cases.notice(tx, now=self._crm.now(), span=span, least=least, times=times)

    def open(self, name: str, chosen: Iterable[str | Case] = (), *, by: str) -> None:
        """Open an incident, and link cases to it.

        Raises:
            StateError: One of that name is open.
        """
        crm = self._crm
        with crm.store.write() as tx:
            key, now = cases.open_incident(tx, name, at=crm.now(), by=by), crm.now()
            cases.link(tx, key, [cases.find_case(tx, _number(one)).id for one in chosen], at=now)

    def link(self, name: str, chosen: Iterable[str | Case]) -> None:
        """Link more cases to an open incident.

        Raises:
            NotFound: No incident of that name is open, or there is no such case.
        """
        crm = self._crm
        with crm.store.write() as tx:
            key = cases.find_incident(tx, name)
            cases.link(tx, key, [cases.find_case(tx, _number(one)).id for one in chosen], at=crm.now())

    def cases(self, name: str) -> list[str]:
        """Return the short ids of an open incident's cases."""
        with self._crm.store.read() as tx:
            return [ref("case", key) for key in cases.linked(tx, cases.find_incident(tx, name))]

    def update(self, name: str, text: str, *, by: str, number: int = 1) -> Told:
        """Answer every linked customer once, where they wrote and as visibly as they wrote.

        Args:
            name: The incident's.
            text: What to say.
            by: Who says it.
            number: Which update it is. The same number again reaches only those who have not got it.

        Returns:
            The queued replies, and who could not be answered. What a guard holds back counts as told: write to them by hand.
        """
        crm, report = self._crm, Told()
        with crm.store.read() as tx:
            key = cases.find_incident(tx, name)
            owed = cases.owed(tx, key, number)
        for customer, case in owed:
            with crm.store.write() as tx:
                first = cases.told(tx, key, number, customer)
            if not first:
                continue
            try:
                report.replies.append(crm.reply(ref("case", case), text, by=by).ref)
            except SocialCRMError as error:
                report.held_back[ref("case", case)] = str(error)
        return report

    def resolve(self, name: str, *, by: str) -> list[str]:
        """Close an incident and resolve its cases; a customer for whom it is not solved reopens only their own by saying so.

        Returns:
            The short ids of the cases.
        """
        crm = self._crm
        with crm.store.write() as tx:
            key = cases.find_incident(tx, name)
            keys = cases.linked(tx, key)
            cases.settle(tx, key, at=crm.now())
        return crm.cases.each([ref("case", one) for one in keys], "resolve", name, by=by).done


def _number(case: str | Case) -> int:
    return number("case", case if isinstance(case, str) else case.ref)


def _times(pair: tuple[int | None, int | None]) -> tuple[datetime | None, datetime | None]:
    before, after = (from_micros(value) if value is not None else None for value in pair)
    return before, after
