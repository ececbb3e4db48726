"""The connector against a real WordPress on loopback. All people are invented."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from socialcrm.connectors import Batch, Flow, Outgoing, Receipt, Step
from socialcrm.errors import CredentialsError, ForbiddenError, NotFound, SettingsError
from socialcrm.transport import Driver, Host
from socialcrm.types import Account, Census, Interaction, Moderation, Secret
from socialcrm_wordpress import WordPressConnector, WordPressSettings

pytestmark = pytest.mark.server("wordpress")
R = TypeVar("R")


class Killed(Exception):
    """The process died here."""


class Mortal(Host):
    """Dies after a number of steps, and lets a test act between two batches."""

    def __init__(self, grant: dict[str, str]) -> None:
        super().__init__(grant)
        self.left = -1
        self.between: Callable[[], object] = lambda: None

    def progress(self, step: Step[object]) -> None:
        self.left -= 1
        if self.left == 0:
            raise Killed

    def commit(self, batch: Batch) -> None:
        super().commit(batch)
        self.between()


class Channel:
    """One channel of the site: connector, host and what was brought."""

    def __init__(self, site: Any, user: str = "admin", **settings: Any) -> None:
        password = site.passwords.get(user, "wrong")
        credentials = {"username": user, "password": Secret(password)} if user else {}
        values = {"server": site.url, "rescan_minutes": 0, **credentials, **settings}
        self.connector = WordPressConnector(WordPressSettings(**values))
        self.host = Mortal({"password": password} if user else {})

    def run(self, flow: Flow[R]) -> R:
        with Driver(self.connector, self.host) as driver:
            return driver.run(flow)

    def sync(self) -> int:
        before = len(self.host.batches)
        self.run(self.connector.fetch("comments", dict(self.host.cursor)))
        return sum(raw.kind == "comment" for batch in self.host.batches[before:] for raw in batch.raws)

    @property
    def state(self) -> dict[str, Interaction]:
        held: dict[str, Interaction] = {}
        for batch in self.host.batches:
            for raw in batch.raws:
                for item in self.connector.parse(raw):
                    if isinstance(item, Interaction):
                        held[item.id] = item
                    elif isinstance(item, Census):
                        held = {key: one for key, one in held.items() if key in item.ids or one.at < item.since}
        return held

    def answer(self, parent: int, text: str) -> Outgoing:
        return Outgoing(id=f"o{parent}", conversation="1", parts=(text,), reply_to=str(parent), at=self.host.now())


@pytest.fixture
def blog(site: Any) -> Iterator[Any]:
    """The site without any comment, as it was installed."""
    site.php("global $wpdb; $wpdb->query('truncate table wp_comments'); $wpdb->query('truncate table wp_commentmeta');")
    yield site
    site.php("wp_update_post(['ID' => 1, 'comment_status' => 'open']); (new WP_User(2))->set_role('editor');")
    site.php("global $wp_rewrite; $wp_rewrite->set_permalink_structure('/%postname%/'); flush_rewrite_rules();")


def fill(blog: Any, count: int) -> None:
    blog.php(
        f"for ($i = 1; $i <= {count}; $i++) wp_insert_comment(['comment_post_ID' => 1, 'comment_content' => \"Comment $i\","
        "'comment_author' => 'Guest', 'comment_author_email' => \"guest$i@example.com\", 'comment_approved' => 1]);"
    )


def test_a_conversation(blog: Any) -> None:
    """Two visitors talk, we answer, the answer stands under the comment, and nothing comes twice."""
    first = blog.comment("My order 17 is late & I'm <b>sad</b>.", name="Mara", user="")
    second = blog.comment("Same here!\n\nOrder 18.", name="Jonas", user="", parent=first)
    channel = Channel(blog, rescan_minutes=60)
    assert channel.sync() >= 2
    question, echo = channel.state[str(first)], channel.state[str(second)]
    assert question.text == "My order 17 is late & I'm sad."
    assert (echo.parent, echo.conversation, echo.text) == (str(first), "1", "Same here!\n\nOrder 18.")
    assert question.author.handles[0].value == "mara@example.com"

    text = 'Sorry, Mara! It leaves "today" -- see <https://example.com/17?a=1&b=2> :) 🙂\n\nAna'
    receipt = channel.run(channel.connector.send(channel.answer(first, text), {}))
    stored = blog.api("GET", f"/comments/{receipt.ids[0]}?context=edit")
    assert (stored["parent"], stored["post"], stored["author"]) == (first, 1, blog.users["admin"])
    assert receipt.url == stored["link"]
    assert channel.sync() == 1
    ours = channel.state[receipt.ids[0]]
    assert ours.text == text
    assert ours.author.id == channel.run(channel.connector.identify()).id
    assert channel.sync() == 0


def test_edits_deletions_and_moderation(blog: Any) -> None:
    """What is rewritten, held, marked as spam, trashed or deleted on the site is so here after the next sync."""
    ids = [blog.comment(f"Comment {number}", name="Mara", user="") for number in range(6)]
    channel = Channel(blog, "editor")
    channel.sync()
    blog.api("PUT", f"/comments/{ids[0]}", {"content": "Rewritten"})
    for comment, status in zip(ids[1:4], ("hold", "spam", "trash"), strict=True):
        blog.api("PUT", f"/comments/{comment}", {"status": status})
    blog.api("DELETE", f"/comments/{ids[4]}?force=true")
    channel.sync()
    state = channel.state
    assert state[str(ids[0])].text == "Rewritten"
    assert [state[str(comment)].moderation for comment in ids[:4]] == [
        Moderation.APPROVED,
        Moderation.HELD,
        Moderation.SPAM,
        Moderation.REMOVED,
    ]
    assert str(ids[4]) not in state
    assert str(ids[5]) in state


def test_many_comments_with_deletions_between_pages(blog: Any) -> None:
    """250 comments come across pages, although earlier ones are deleted meanwhile."""
    fill(blog, 250)
    channel = Channel(blog)
    channel.host.between = lambda: blog.php(
        "global $wpdb; $wpdb->query('delete from wp_comments where comment_ID <= 60 order by comment_ID limit 30');"
    )
    channel.sync()
    assert {str(number) for number in range(61, 251)} <= set(channel.state)


def test_killed_at_random_steps(blog: Any) -> None:
    """Killed again and again anywhere, the state ends as that of an undisturbed sync."""
    fill(blog, 230)
    whole = Channel(blog)
    whole.sync()
    dice, channel = random.Random(7), Channel(blog)
    for _ in range(12):
        channel.host.left = dice.randint(1, 9)
        try:
            channel.sync()
        except Killed:
            continue
    channel.host.left = -1
    channel.sync()
    assert channel.state == whole.state


@pytest.mark.parametrize(("user", "seen"), [("admin", 4), ("editor", 4), ("author", 1), ("subscriber", 1), ("", 1)])
def test_each_role_sees_what_it_may(blog: Any, user: str, seen: int) -> None:
    """Moderators see every state, others and visitors what is approved."""
    for status in ("approved", "hold", "spam", "trash"):
        comment = blog.comment(f"Comment {status}", name="Mara", user="")
        if status != "approved":
            blog.api("PUT", f"/comments/{comment}", {"status": status})
    channel = Channel(blog, user)
    channel.sync()
    assert len(channel.state) == seen


def test_a_visitor_and_a_moderator_mean_the_same_text(blog: Any) -> None:
    """Rendered and source text differ only in typography."""
    blog.comment('A "quote" -- and <a href="https://example.org/">a link</a>\nsecond line', name="Mara", user="")
    public, full = Channel(blog, ""), Channel(blog)
    public.sync()
    full.sync()
    assert full.state["1"].text == 'A "quote" -- and a link (https://example.org/)\nsecond line'
    assert public.state["1"].text == "A “quote” — and a link (https://example.org/)\nsecond line"


def test_a_lost_role_stops_the_sync(blog: Any) -> None:
    """When the editor is demoted, held comments are not taken for deleted."""
    blog.api("PUT", f"/comments/{blog.comment('Held', name='Mara', user='')}", {"status": "hold"})
    channel = Channel(blog, "editor")
    channel.sync()
    blog.php("(new WP_User(2))->set_role('subscriber');")
    with pytest.raises(ForbiddenError, match="role back"):
        channel.sync()
    assert len(channel.state) == 1


def test_a_borrowed_address_is_not_verified(blog: Any) -> None:
    """A registered user may comment with somebody else's address; only the account's own is vouched for."""
    blog.comment("Me!", user="subscriber", author=blog.users["subscriber"], author_email="mara@example.com")
    channel = Channel(blog)
    channel.sync()
    handles = channel.state["1"].author.handles
    assert {handle.value: handle.verified for handle in handles} == {
        "subscriber@example.com": True,
        "mara@example.com": False,
    }


@pytest.mark.parametrize("user", ["nobody", "admin"])
def test_a_wrong_password(site: Any, user: str) -> None:
    """Neither an unknown user nor a wrong password reads or writes anything."""
    channel = Channel(site, user)
    channel.host = Mortal({"password": "wrong"})
    for flow in (channel.connector.identify(), channel.connector.fetch("comments", {})):
        with pytest.raises(CredentialsError):
            channel.run(flow)
    with pytest.raises(CredentialsError):
        channel.run(channel.connector.send(channel.answer(1, "Hello"), {}))


def test_who_we_are(site: Any) -> None:
    """The health check names the user, and for a visitor the site."""
    admin, visitor = Channel(site), Channel(site, "")
    assert admin.run(admin.connector.identify()).handle == "admin"
    assert visitor.run(visitor.connector.identify()) == Account(id="0", name="Example blog", url=site.url)


def test_plain_permalinks(blog: Any) -> None:
    """Without permalinks the usual address answers HTML: the message names the right one, and that one works."""
    comment = blog.comment("Hello", name="Mara", user="")
    blog.php("global $wp_rewrite; $wp_rewrite->set_permalink_structure(''); flush_rewrite_rules();")
    usual = Channel(blog)
    with pytest.raises(SettingsError, match=r"'/index\.php\?rest_route=/': set that as rest_root"):
        usual.run(usual.connector.identify())
    plain = Channel(blog, rest_root="/index.php?rest_route=/")
    plain.sync()
    assert str(comment) in plain.state
    assert plain.run(plain.connector.send(plain.answer(comment, "Hi"), {})).ids


def test_a_send_that_died_is_settled(blog: Any) -> None:
    """Died right after posting, the reply is found, and sending again stores no second one."""
    comment = blog.comment("Hello?", name="Mara", user="")
    channel = Channel(blog, "editor")
    message = channel.answer(comment, "Hello <Mara>!")
    assert channel.run(channel.connector.settle(message, {})) is None
    channel.host.left = 3
    with pytest.raises(Killed):
        channel.run(channel.connector.send(message, {}))
    assert [step.method for step in channel.host.intents] == ["POST"]  # type: ignore[attr-defined]  # a Call
    receipt = channel.run(channel.connector.settle(message, {}))
    assert receipt is not None
    assert channel.run(channel.connector.send(message, {})) == receipt
    assert len(blog.api("GET", f"/comments?parent={comment}")) == 1


@pytest.mark.parametrize("user", ["editor", "author", "subscriber"])
def test_every_user_may_reply(blog: Any, user: str) -> None:
    """Whatever the role, the reply is stored as that user and found again."""
    comment = blog.comment("Hello?", name="Mara", user="")
    channel = Channel(blog, user)
    message = channel.answer(comment, 'Hello "Mara" :)')
    receipt = channel.run(channel.connector.send(message, {}))
    assert blog.api("GET", f"/comments/{receipt.ids[0]}")["author"] == blog.users[user]
    assert channel.run(channel.connector.settle(message, {})) == receipt


def test_replies_that_are_refused(blog: Any) -> None:
    """A deleted parent and closed comments are told apart, and nothing is stored."""
    comment = blog.comment("Hello?", name="Mara", user="")
    channel = Channel(blog)
    with pytest.raises(NotFound):
        channel.run(channel.connector.send(channel.answer(999, "Hi"), {}))
    blog.php("wp_update_post(['ID' => 1, 'comment_status' => 'closed']);")
    with pytest.raises(ForbiddenError, match="closed"):
        channel.run(channel.connector.send(channel.answer(comment, "Hi"), {}))
    assert len(blog.api("GET", "/comments")) == 1


def test_the_longest_text(blog: Any) -> None:
    """The declared limit is the real one: a text at the limit is stored, one byte more is refused."""
    comment = blog.comment("Hello?", name="Mara", user="")
    channel = Channel(blog)
    limit = channel.connector.info.capabilities.text
    assert limit.size is not None
    text = "&" * 13_105
    assert limit.measure(text) == limit.size
    channel.run(channel.connector.send(channel.answer(comment, text), {}))
    with pytest.raises(Exception, match="comment_content_column_length"):
        channel.run(channel.connector.send(channel.answer(comment, text + "x"), {}))


def test_taking_back(blog: Any) -> None:
    """What we take back is in the trash, also when we ask twice or it is gone."""
    comment = blog.comment("Ours", user="admin")
    channel = Channel(blog)
    for _ in range(2):
        channel.run(channel.connector.retract(Receipt(ids=(str(comment), "999"))))
    assert blog.api("GET", f"/comments/{comment}")["status"] == "trash"


def test_the_sites_own_export(blog: Any, tmp_path: Path) -> None:
    """WordPress's own export file gives the same comments as the REST API."""
    first = blog.comment("Question & <i>more</i>", name="Mara", user="")
    blog.comment("Answer", user="admin", parent=first)
    blog.api("PUT", f"/comments/{blog.comment('Held', name='Jonas', user='')}", {"status": "hold"})
    path = tmp_path / "export.xml"
    path.write_text(blog.php("require_once ABSPATH . 'wp-admin/includes/export.php'; export_wp();"), encoding="utf-8")
    channel = Channel(blog, "editor")
    channel.sync()
    raws = [raw for batch in channel.connector.load(path) for raw in batch.raws]
    accounts, *comments = [item for raw in raws for item in channel.connector.parse(raw)]
    assert isinstance(accounts, Account)
    assert accounts.id == str(blog.users["admin"])

    def core(item: Interaction) -> tuple[Any, ...]:
        return (item.id, item.author.id, item.at, item.text, item.parent, item.conversation, item.moderation, item.kind)

    assert sorted(map(core, comments)) == sorted(map(core, channel.state.values()))  # type: ignore[arg-type]  # all interactions
