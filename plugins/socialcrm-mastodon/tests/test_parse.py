from __future__ import annotations

import copy
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialcrm.connectors import Raw
from socialcrm.errors import PayloadError
from socialcrm.types import Deletion, Edit, Handle, HandleKind, Interaction, Item, Kind, Visibility
from socialcrm_mastodon import MastodonConnector, MastodonSettings

CONNECTOR = MastodonConnector(MastodonSettings(server="https://example.social"))

ACCOUNT = {
    "id": "42",
    "username": "mara",
    "acct": "mara@example.town",
    "display_name": "Mara",
    "url": "https://example.town/@mara",
    "uri": "https://example.town/users/mara",
    "avatar": "https://files.example.town/mara.png",
    "followers_count": 1_000_000,
    "fields": [
        {
            "name": "Blog",
            "value": '<a href="https://mara.example.org/" rel="me"><span class="invisible">https://</span>mara.example.org</a>',
            "verified_at": "2026-01-02T03:04:05.000+00:00",
        },
        {"name": "Claimed", "value": "https://someone-else.example.org", "verified_at": None},
    ],
}
STATUS = {
    "id": "1001",
    "created_at": "2026-10-05T12:00:00.000Z",
    "edited_at": None,
    "account": ACCOUNT,
    "content": '<p><span class="h-card"><a href="https://example.social/@acme" class="u-url mention">@<span>acme</span></a>'
    "</span> my line is <b>dead</b> &amp; I am cross</p><p>Help!</p>",
    "visibility": "public",
    "in_reply_to_id": None,
    "spoiler_text": "",
    "language": "en",
    "url": "https://example.town/@mara/1",
    "uri": "https://example.town/users/mara/statuses/1",
    "mentions": [{"id": "11", "acct": "acme", "username": "acme", "url": "https://example.social/@acme"}],
    "media_attachments": [
        {"id": "5", "type": "image", "url": "https://files.example.town/router.jpg", "description": "A dark router"},
        {"id": "6", "type": "unknown", "url": None, "remote_url": None},
    ],
    "poll": None,
    "reblog": None,
    "favourites_count": 12_345,
}


def one(kind="status", /, **more):
    found = list(CONNECTOR.parse(Raw(kind=kind, body={**STATUS, **more})))
    assert len(found) == 1
    return found[0]


def notified(kind, **more):
    body = {"id": "7", "type": kind, "created_at": "2026-10-05T12:00:00.000Z", "account": ACCOUNT, **more}
    return list(CONNECTOR.parse(Raw(kind="notification", body=body)))


def test_a_status_is_read_whole():
    """Text, author, place, time, files and language of a status arrive."""
    found = one()
    assert found.text == "@acme my line is dead & I am cross\n\nHelp!"
    assert (found.id, found.kind, found.visibility) == ("1001", Kind.POST, Visibility.PUBLIC)
    assert found.at == datetime(2026, 10, 5, 12, tzinfo=UTC)
    assert (found.language, found.url) == ("en", "https://example.town/@mara/1")
    assert [(file.mime, file.description, file.name) for file in found.attachments] == [
        ("image/jpeg", "A dark router", "router.jpg")
    ]


def test_an_author_is_one_person_on_every_server():
    """The same account seen through two servers, under different database ids, has one identity."""
    elsewhere = MastodonConnector(MastodonSettings(server="https://other.example"))
    body = {**STATUS, "id": "77", "account": {**ACCOUNT, "id": "9000", "display_name": "M."}}
    (there,) = elsewhere.parse(Raw(kind="status", body=body))
    assert there.author.id == one().author.id


def test_a_database_id_alone_is_bound_to_its_server():
    """Without uri and url an account's id still can't be taken for another server's."""
    account = {"id": "42", "acct": "mara"}
    assert one(account=account).author.id == "https://example.social#42"


def test_only_verified_links_become_handles():
    """The profile's address, and links that the server verified, are handles; what is merely claimed is none."""
    assert one().author.handles == (
        Handle(kind=HandleKind.ACCOUNT, value="https://example.town/@mara", verified=True),
        Handle(kind=HandleKind.URL, value="https://mara.example.org", verified=True),
    )


def test_a_local_account_is_addressed_in_full():
    """The handle of an account on our own server carries the server's name."""
    account = {**ACCOUNT, "acct": "ola", "username": "ola", "url": "https://example.social/@ola"}
    assert one(account=account).author.handle == "@ola@example.social"
    assert one().author.handle == "@mara@example.town"


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("public", Visibility.PUBLIC),
        ("unlisted", Visibility.PUBLIC),
        ("private", Visibility.LIMITED),
        ("direct", Visibility.PRIVATE),
        ("local", Visibility.LIMITED),
        ("anything", Visibility.LIMITED),
    ],
)
def test_visibility_is_honest(theirs, ours):
    """What anyone can read is public, what followers can read is limited, what is addressed is private."""
    assert one(visibility=theirs).visibility is ours


def test_kinds_follow_place_and_audience():
    """A status that answers is a reply, one for those mentioned only is a message."""
    assert one(in_reply_to_id="1000").kind is Kind.REPLY
    assert one(in_reply_to_id="1000").parent == "1000"
    assert one(visibility="direct", in_reply_to_id="1000").kind is Kind.MESSAGE


def test_a_content_warning_is_the_subject():
    """The content warning is kept apart from the text."""
    assert one(spoiler_text="rant").subject == "rant"


def test_an_edit_tells_when():
    """An edited status carries the time of this wording."""
    assert one(edited_at="2026-10-05T13:00:00.000Z").edited_at == datetime(2026, 10, 5, 13, tzinfo=UTC)


def test_a_remote_status_is_known_by_its_uri_as_well():
    """What came from another server can be found by the name that archives use; what is local needs no second name."""
    assert one().references == ("https://example.town/users/mara/statuses/1",)
    assert one(uri="https://example.social/users/acme/statuses/1001").references == ()


def test_a_quote_is_kept_apart():
    """The quoted status is no part of the text, nor is the line that stands in for it; a shallow quote keeps the id."""
    quoted = {**STATUS, "id": "900", "content": "<p>All lines are up.</p>"}
    content = '<p class="quote-inline">RE: <a href="https://x.example/1">https://x.example/1</a></p><p>Really?</p>'
    found = one(content=content, quote={"state": "accepted", "quoted_status": quoted})
    assert (found.text, found.quoted, found.extra["quote"]["id"]) == ("Really?", "All lines are up.", "900")
    assert one(quote={"state": "accepted", "quoted_status_id": "901"}).extra["quote"]["id"] == "901"
    assert one(quote={"state": "revoked", "quoted_status": None}).quoted == ""


def test_a_polls_choices_can_be_read():
    """The choices of a poll follow the question."""
    found = one(content="<p>Which?</p>", poll={"options": [{"title": "Red", "votes_count": 5}, {"title": "Blue"}]})
    assert found.text == "Which?\n- Red\n- Blue"


def test_a_boost_is_a_reaction():
    """A boost points at what was boosted and says nothing itself."""
    found = one(id="1002", reblog={**STATUS, "id": "1000"})
    assert (found.kind, found.parent, found.text) == (Kind.REACTION, "1000", "")


@pytest.mark.parametrize("kind", ["mention", "status", "quote", "quoted_update"])
def test_a_notification_that_carries_a_status_is_that_status(kind):
    """However we learn of a status, it is one interaction."""
    (found,) = notified(kind, status=STATUS)
    assert found == one()


@pytest.mark.parametrize("kind", ["favourite", "reblog"])
def test_reactions_to_our_posts(kind):
    """A favourite and a boost of our status are reactions by their author, below that status."""
    (found,) = notified(kind, status={**STATUS, "id": "950", "visibility": "private"})
    assert (found.id, found.kind, found.parent) == ("notification-7", Kind.REACTION, "950")
    assert found.visibility is Visibility.LIMITED


def test_an_unknown_notification_is_kept_as_other():
    """A type that does not exist yet becomes an interaction of kind other."""
    (found,) = notified("waved_at_you")
    assert (found.kind, found.extra) == (Kind.OTHER, {"type": "waved_at_you"})


@pytest.mark.parametrize("kind", ["poll", "severed_relationships", "moderation_warning", "admin.report"])
def test_what_is_no_interaction_is_none(kind):
    """A poll's end, and notices of the server's staff, are nobody's interaction."""
    assert notified(kind) == []


def test_an_edit_of_what_we_boosted_is_only_an_edit():
    """The new wording of a status that we boosted opens nothing: it counts only where we hold the status."""
    assert notified("update", status=STATUS) == []
    (found,) = notified("update", status={**STATUS, "edited_at": "2026-10-05T13:00:00Z"})
    assert (type(found), found.id, found.at.hour) == (Edit, "1001", 13)


def test_a_deletion_names_the_status():
    """A deleted status is a deletion in the same namespace."""
    assert list(CONNECTOR.parse(Raw(kind="deleted", body={"id": "1001"}))) == [Deletion(id="1001")]


def test_influence_never_leaves_the_raw():
    """No count of followers, favourites or boosts is in any item."""
    shown = repr(one()) + repr(notified("favourite", status=STATUS))
    assert "1000000" not in shown
    assert "12345" not in shown


def test_unknown_raws_mean_nothing():
    """An element of a kind that this version does not know is no interaction."""
    assert list(CONNECTOR.parse(Raw(kind="event", body={"event": "new"}))) == []


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
NOTE = {
    "id": "https://example.social/users/acme/statuses/5/activity",
    "type": "Create",
    "published": "2026-10-05T12:00:00Z",
    "to": ["https://www.w3.org/ns/activitystreams#Public"],
    "object": {
        "id": "https://example.social/users/acme/statuses/5",
        "published": "2026-10-05T12:00:00Z",
        "content": "<p>hi</p>",
        "attachment": [],
        "contentMap": {"en": "<p>hi</p>"},
    },
}
BODIES = {
    "status": {**STATUS, "quote": {"state": "accepted", "quoted_status": dict(STATUS)}, "poll": {"options": [{"title": "A"}]}},
    "notification": {"id": "7", "type": "mention", "created_at": "2026-10-05T12:00:00Z", "account": ACCOUNT, "status": STATUS},
    "activity": NOTE,
    "actor": {"id": "https://example.social/users/acme", "preferredUsername": "acme"},
    "account": ACCOUNT,
    "deleted": {"id": "1001"},
    "doubt": {"id": "d", "since": "2026-10-05T12:00:00Z", "at": "2026-10-05T13:00:00Z", "reason": "?"},
}


def places(body, at=()):
    """Every path to a value inside."""
    yield at
    steps = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for step, value in steps:
        yield from places(value, (*at, step))


def changed(body, place, value, *, drop):
    if not place:
        return value
    body = copy.deepcopy(body)
    inner = body
    for step in place[:-1]:
        inner = inner[step]
    if drop and isinstance(inner, dict):
        del inner[place[-1]]
    else:
        inner[place[-1]] = value
    return body


@given(st.data())
def test_whatever_changes_it_parses_or_is_quarantined(data):
    """Any key dropped or changed to anything gives items or a PayloadError, never another error."""
    kind = data.draw(st.sampled_from(sorted(BODIES)))
    place = data.draw(st.sampled_from(list(places(BODIES[kind]))))
    body = changed(BODIES[kind], place, data.draw(ANYTHING), drop=data.draw(st.booleans()))
    context = {"actor": "https://example.social/users/acme"}
    try:
        items = list(CONNECTOR.parse(Raw(kind=kind, body=body, context=context)))
    except PayloadError:
        return
    assert all(isinstance(item, Item) for item in items)
    assert all(item.id for item in items)


@given(ANYTHING)
def test_anything_at_all_parses_or_is_quarantined(body):
    """A body of any shape gives items or a PayloadError."""
    for kind in BODIES:
        try:
            assert all(isinstance(item, Item) for item in CONNECTOR.parse(Raw(kind=kind, body=body)))
        except PayloadError:
            continue


@given(st.permutations(sorted(STATUS)))
def test_parsing_depends_on_nothing_else(keys):
    """Parsing is pure: the order of keys changes nothing, and the raw stays as it was."""
    body = {key: STATUS[key] for key in keys}
    before = copy.deepcopy(body)
    (found,) = CONNECTOR.parse(Raw(kind="status", body=body))
    assert isinstance(found, Interaction)
    assert found == one()
    assert body == before
