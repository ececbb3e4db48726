"""Which interactions belong together, whatever the order in which they arrive.

A conversation is a component of the graph of replies and references. Ids that somebody answered and that have not arrived are
kept as *ghosts* that hold their thread's place. A platform's own key is authoritative: two conversations that both have one
are never joined.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from attrs import define, field
from sqlalchemy import Row, Select, bindparam, select

from socialcrm.store import InteractionRow, Sets, Tx, tables

__all__ = ["Node", "Talk", "Threads", "node_of"]

Node = str | tuple[str, str]
"""A platform's id: alone where it has no scope, as it mostly has none, else (scope, id)."""


def node_of(scope: str, pid: str) -> Node:
    """Return what an interaction is found by within its channel."""
    return (scope, pid) if scope else pid


def _parts(node: Node) -> tuple[str, str]:
    return ("", node) if isinstance(node, str) else node


@define(eq=False)
class Talk:
    """A conversation, as it is or as it will be."""

    id: int
    key: str | None
    first_at: int | None = None
    first_pid: str = ""
    party: int | None = None
    fresh: bool = False
    into: Talk | None = None

    def root(self) -> Talk:
        """Return the conversation that this one has become part of."""
        talk = self
        while talk.into is not None:
            talk = talk.into
        return talk


@define(eq=False)
class Threads:
    """Finds each new interaction's conversation, joining those that turn out to be one.

    Args:
        tx: The writing transaction.
        channel: The channel's key.
    """

    tx: Tx
    channel: int
    nodes: dict[Node, Talk] = field(factory=dict)
    dirty: set[int] = field(factory=set)
    _by_id: dict[int, Talk] = field(factory=dict)
    _by_key: dict[str, Talk] = field(factory=dict)
    _ghosts: set[Node] = field(factory=set)
    _haunted: set[Node] = field(factory=set)
    _arrived: set[Node] = field(factory=set)
    _joined: list[tuple[Talk, Talk]] = field(factory=list)
    _moved: list[tuple[Talk, int]] = field(factory=list)

    def load(self, known: Mapping[Node, Any], wanted: Collection[Node], keys: set[str]) -> None:
        """Read what the database knows of these ids and keys: at most three statements."""
        haunted: dict[Node, int] = {}
        if len(wanted) > len(known) and self.tx.holds(tables.ghosts, self.channel):
            unknown = {_parts(node)[1] for node in wanted if node not in known}
            ghosts = self.tx.rows(_ghosts(self.tx.sets), channel=self.channel, pids=unknown)
            haunted = {node_of(row.scope, row.pid): row.conversation for row in ghosts}
        if keys:
            self._load_talks(self.tx.rows(_by_key(self.tx.sets), channel=self.channel, keys=keys))
        ids = ({row.conversation for row in known.values()} | set(haunted.values())) - self._by_id.keys()
        if ids:
            self._load_talks(self.tx.rows(_by_id(self.tx.sets), ids=ids))
        for node, row in known.items():
            self.nodes[node] = self._by_id[row.conversation]
        for node, conversation in haunted.items():
            self.nodes[node] = self._by_id[conversation]
        self._haunted = set(haunted)

    def _load_talks(self, rows: Iterable[Row[Any]]) -> None:
        for row in rows:
            talk = Talk(*tuple(row))
            self._by_id[talk.id] = talk
            if talk.key is not None:
                self._by_key[talk.key] = talk

    def place(self, node: Node, key: str, parent: Node | None, others: Sequence[Node] = ()) -> Talk:
        """Find or make the conversation of an interaction that has arrived.

        Args:
            node: Its id.
            key: The platform's key, empty for none.
            parent: What it answers.
            others: What else it belongs with.
        """
        nodes = self.nodes
        own = nodes.get(node)
        if own is None and not others:
            # the usual case: new, in a conversation whose key we know, an answer to something of the same conversation
            usual = self._by_key.get(key)
            if usual is not None and usual.into is None and (parent is None or nodes.get(parent) is usual):
                nodes[node] = usual
                return usual
        return self._place(node, own, key, (parent, *others) if parent is not None else others)

    def _place(self, node: Node, own: Talk | None, key: str, others: Sequence[Node]) -> Talk:
        if own is not None:
            self._arrived.add(node)
            if node in self._haunted:
                self.dirty.add(own.root().id)
        found = [self.nodes[other] for other in others if other in self.nodes]
        if own is not None:
            found.append(own)
        if key:
            found.insert(0, self._by_key.get(key) or self._make(key))
        talk = found[0].root() if found else self._make(None)
        for other in found[1:]:
            talk = self._join(talk, other)
        self.nodes[node] = talk
        for other_node in others:
            if other_node not in self.nodes:
                self.nodes[other_node] = talk
                self._ghosts.add(other_node)
        return talk

    def move(self, node: Node, interaction: int, key: str) -> bool:
        """Let a stored interaction follow the platform's key into another conversation: posts are moved between topics.

        Args:
            node: Its platform's id.
            interaction: Its key.
            key: The platform's key of the conversation in which it stands now.

        Returns:
            Whether it moves. Where its conversation has no key of the platform's, replies tell where it belongs.
        """
        own = self.nodes[node].root()
        if own.key is None or own.key == key:
            return False
        talk = (self._by_key.get(key) or self._make(key)).root()
        self.nodes[node] = talk
        self.dirty.update((own.id, talk.id))
        self._moved.append((talk, interaction))
        return True

    def _make(self, key: str | None) -> Talk:
        talk = Talk(self.tx.allocate(tables.conversations), key, fresh=True)
        self._by_id[talk.id] = talk
        if key is not None:
            self._by_key[key] = talk
        return talk

    def _join(self, a: Talk, b: Talk) -> Talk:
        a, b = a.root(), b.root()
        if a is b:
            return a
        if a.key is not None and b.key is not None:
            self.dirty.update((a.id, b.id))
            return a
        if _rank(b) < _rank(a):
            a, b = b, a
        b.into = a
        self._joined.append((b, a))
        self.dirty.add(a.id)
        return a

    def settle(self) -> None:
        """Write ghosts and joined conversations, so that the database agrees; call it once everything is placed."""
        tx = self.tx
        self.dirty = {self._by_id[key].root().id for key in self.dirty}
        joined = [(old.root().id, old.id) for old, _ in self._joined if not old.fresh]
        tx.update(tables.interactions, ("conversation",), joined, key=("conversation",))
        tx.update(tables.ghosts, ("conversation",), joined, key=("conversation",))
        tx.update(tables.outbox, ("conversation",), joined, key=("conversation",))
        tx.update(tables.conversations, ("merged",), joined)
        tx.update(tables.interactions, ("conversation",), [(talk.root().id, key) for talk, key in self._moved])
        ghosts = [node for node in self._ghosts if node not in self._arrived]
        rows = [(node, *_parts(node)) for node in ghosts]
        tx.insert_new(
            tables.ghosts, [(tx.ws, self.channel, pid, scope, self.nodes[node].root().id) for node, scope, pid in rows]
        )

    def write(self, rows: Iterable[InteractionRow]) -> None:
        """Write new conversations, and who began those that the new interactions began."""
        keys = [*(row.conversation for row in rows), *(talk.root().id for talk, _ in self._moved)]
        touched = [self._by_id[key] for key in dict.fromkeys(keys)]
        fresh = [
            (self.tx.ws, talk.id, self.channel, talk.key, None, talk.first_at, talk.first_pid, talk.party)
            for talk in touched
            if talk.fresh
        ]
        self.tx.insert(tables.conversations, fresh)

    @property
    def joined(self) -> bool:
        """Whether two conversations turned out to be one."""
        return bool(self._joined)

    def holds(self, key: int) -> bool:
        """Tell whether a conversation was loaded or made."""
        return key in self._by_id

    def talk(self, key: int) -> Talk:
        """Return a conversation that was loaded or made."""
        return self._by_id[key].root()


@cache
def _ghosts(sets: Sets) -> Select[Any]:
    table = tables.ghosts
    return select(table).where(
        table.c.ws == bindparam("ws"), table.c.channel == bindparam("channel"), sets.among(table.c.pid, "pids")
    )


_TALKS = select(*(tables.conversations.c[name] for name in ("id", "key", "first_at", "first_pid", "party"))).where(
    tables.conversations.c.ws == bindparam("ws")
)


@cache
def _by_key(sets: Sets) -> Select[Any]:
    table = tables.conversations
    return _TALKS.where(table.c.channel == bindparam("channel"), sets.among(table.c.key, "keys"))


@cache
def _by_id(sets: Sets) -> Select[Any]:
    return _TALKS.where(sets.among(tables.conversations.c.id, "ids"))


def _rank(talk: Talk) -> tuple[bool, bool, int]:
    """Of two joined conversations, the lower stays: one with a key, one that is stored, the older one."""
    return (talk.key is None, talk.fresh, talk.id)
