"""What an element means. Pure: one parser for history, events, the live stream and exports.

Documentation: "message event" and its subtypes, "Retrieving messages", "Events API" (the outer payload), "reaction_added".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from attrs import frozen

from socialcrm.connectors import Raw
from socialcrm.errors import PayloadError
from socialcrm.types import Attachment, Census, Deletion, Direction, Interaction, Item, Kind, Visibility
from socialcrm_slack._fields import mapping, moment, required, rows, scope_of, text_of
from socialcrm_slack._people import account_of, author_of, home_of, team_of
from socialcrm_slack._text import mentioned, said

__all__ = ["Ours", "home_key", "parse"]

_SAID = frozenset(("", "thread_broadcast", "reply_broadcast", "bot_message", "file_share", "me_message", "file_comment"))
"""Subtypes in which somebody says something; all others tell what happened in the channel."""

_PRIVATE = frozenset(("im", "mpim"))

_NO_TALK = (
    "app_", "assistant_", "bot_", "call_", "channel_", "dnd_", "email_domain_", "emoji_", "entity_", "external_org_", "file_",
    "function_", "goodbye", "grid_", "group_", "hello", "im_", "invite_", "link_shared", "member_", "message_metadata_",
    "mpim_", "pin_", "presence_", "resources_", "scope_", "shared_channel_", "star_", "subteam_", "team_", "tokens_revoked",
    "user_", "workflow_",
)  # fmt: skip
"""How the names of events begin that are no interaction with a customer ("Event types")."""


@frozen(kw_only=True)
class Ours:
    """Who of the people on Slack is us.

    Args:
        colleagues: Their user ids.
        workspace: Everybody of our own workspace.
    """

    colleagues: frozenset[str] = frozenset()
    workspace: bool = False

    def wrote(self, message: Mapping[str, Any], author: str, home: str) -> Direction | None:
        """Return ``OUTBOUND`` for what is ours by the settings; else the host decides."""
        if author in self.colleagues or (self.workspace and home and team_of(message) == home):
            return Direction.OUTBOUND
        return None


def parse(raw: Raw, ours: Ours) -> Iterable[Item]:
    """Say what an element means.

    Raises:
        PayloadError: It can't be read.
    """
    if raw.kind == "message":
        return _message(_object(raw), raw.context, ours)
    if raw.kind == "event":
        return _event(_object(raw), ours)
    if raw.kind == "account":
        return [account_of(_object(raw))]
    if raw.kind == "census":
        return [_census(_object(raw))]
    return []


def _object(raw: Raw) -> Mapping[str, Any]:
    if not isinstance(raw.body, Mapping):
        raise PayloadError(f"expected a JSON object for a Slack {raw.kind}, got {type(raw.body).__name__}")
    return raw.body


def _census(body: Mapping[str, Any]) -> Census:
    ids = frozenset(key for key in rows(body.get("ids")) if isinstance(key, str))
    since, until = moment(required(body, "since")), moment(required(body, "until"))
    return Census(id=required(body, "scope"), scope=required(body, "scope"), ids=ids, since=since, until=until)


def _event(payload: Mapping[str, Any], ours: Ours) -> Iterable[Item]:
    """Read the outer payload of an event ("Events API": event_callback); what tells of no message is nothing."""
    event = mapping(payload.get("event"))
    kind = text_of(event, "type")
    granted = next((one for one in rows(payload.get("authorizations")) if isinstance(one, Mapping)), {})
    home = text_of(granted, "team_id") or text_of(payload, "context_team_id") or text_of(payload, "team_id")
    if kind in ("message", "app_mention"):
        context = {"channel": text_of(event, "channel"), "type": text_of(event, "channel_type"), "team": home}
        return _message(event, context, ours)
    if kind in ("reaction_added", "reaction_removed"):
        return _reaction(event, payload, home)
    if not kind or kind.startswith(_NO_TALK) or not text_of(event, "user") or not text_of(payload, "event_id"):
        return []
    return [
        Interaction(
            id=text_of(payload, "event_id"),
            scope="event",
            at=_when(event, payload),
            author=author_of(event, {"team": home}),
            kind=Kind.OTHER,
            visibility=Visibility.LIMITED,
            text=said(event),
            extra={"type": kind},
        )
    ]


def _when(event: Mapping[str, Any], payload: Mapping[str, Any]) -> datetime:
    return moment(text_of(event, "event_ts") or text_of(event, "ts") or required(payload, "event_time"))


def _reaction(event: Mapping[str, Any], payload: Mapping[str, Any], home: str) -> Iterable[Item]:
    """Read ``reaction_added`` and ``reaction_removed``; the thread of what was reacted to is not told."""
    item = mapping(event.get("item"))
    channel, ts = text_of(item, "channel"), text_of(item, "ts")
    if not channel or not ts:
        return []
    author = author_of(event, {"team": home})
    name, at = required(event, "reaction"), _when(event, payload)
    key = f"{ts}:{author.id}:{name}"
    if text_of(event, "type") == "reaction_removed":
        return [Deletion(id=key, scope=channel, at=at)]
    return [
        Interaction(
            id=key,
            scope=channel,
            at=at,
            author=author,
            parent=ts,
            kind=Kind.REACTION,
            visibility=_visibility(channel, ""),
            text=f":{name}:",
        )
    ]


def _message(message: Mapping[str, Any], context: Mapping[str, str], ours: Ours) -> Iterable[Item]:
    """Read a message, or what happened to one, by its subtype ("message event")."""
    subtype = text_of(message, "subtype")
    channel = context.get("channel") or required(message, "channel")
    kind = context.get("type", "") or text_of(message, "channel_type")
    if subtype == "message_deleted":
        return [_deleted(message, channel)]
    if subtype in ("message_changed", "message_replied") and isinstance(message.get("message"), Mapping):
        inner = message["message"]
        return _message({**inner, "subtype": _inner(inner)}, {**context, "channel": channel, "type": kind}, ours)
    ts, thread = required(message, "ts"), text_of(message, "thread_ts")
    if subtype == "tombstone":
        moment(ts)
        return [Deletion(id=ts, scope=scope_of(channel, ts, thread))]
    return [_interaction(message, channel, kind, context, ours)]


def _inner(message: Mapping[str, Any]) -> str:
    """The subtype of a changed message; one that is itself a change would never end."""
    subtype = text_of(message, "subtype")
    return "" if subtype in ("message_changed", "message_replied") else subtype


def _deleted(message: Mapping[str, Any], channel: str) -> Deletion:
    before = mapping(message.get("previous_message"))
    ts = text_of(message, "deleted_ts") or required(before, "ts")
    moment(ts)
    at = text_of(message, "event_ts") or text_of(message, "ts")
    return Deletion(id=ts, scope=scope_of(channel, ts, text_of(before, "thread_ts")), at=moment(at) if at else None)


def _interaction(message: Mapping[str, Any], channel: str, kind: str, context: Mapping[str, str], ours: Ours) -> Interaction:
    ts, thread, subtype = required(message, "ts"), text_of(message, "thread_ts"), text_of(message, "subtype")
    scope, visibility, author = scope_of(channel, ts, thread), _visibility(channel, kind), author_of(message, context)
    edited = text_of(message.get("edited"), "ts")
    private = visibility is Visibility.PRIVATE
    talk = Kind.MESSAGE if private else Kind.REPLY if scope != channel else Kind.POST
    return Interaction(
        id=ts,
        scope=scope,
        at=moment(ts),
        author=author,
        conversation=channel if private else f"{channel}:{thread or ts}",
        kind=talk if subtype in _SAID else Kind.OTHER,
        direction=ours.wrote(message, author.id, context.get("team", "")),
        visibility=visibility,
        text=said(message),
        url=_link(context.get("url", ""), channel, ts, thread),
        attachments=tuple(_files(message)),
        edited_at=moment(edited) if edited else None,
        extra=_extra(message, subtype),
    )


def _visibility(channel: str, kind: str) -> Visibility:
    """Direct and group messages are private; every channel, shared or not, is for its members only."""
    return Visibility.PRIVATE if kind in _PRIVATE or channel.startswith("D") else Visibility.LIMITED


def _link(home: str, channel: str, ts: str, thread: str) -> str:
    """A permalink as "chat.getPermalink" gives it; empty where the workspace's address is not known."""
    if not home.startswith("https://"):
        return ""
    link = f"{home.rstrip('/')}/archives/{channel}/p{ts.replace('.', '')}"
    return f"{link}?thread_ts={thread}&cid={channel}" if thread and thread != ts else link


def _extra(message: Mapping[str, Any], subtype: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if subtype:
        found["subtype"] = subtype
    if names := mentioned(text_of(message, "text")):
        found["mentions"] = names
    if text_of(message, "bot_id"):
        found["bot"] = text_of(message, "bot_id")
    if team := team_of(message):
        found["team"] = team
    return found


def _files(message: Mapping[str, Any]) -> Iterable[Attachment]:
    """Files ("File type"); one that was deleted, or that Slack holds back, has no address."""
    single = [message["file"]] if isinstance(message.get("file"), Mapping) else []
    for file in rows(message.get("files")) or single:
        size = mapping(file).get("size")
        if url := text_of(file, "url_private") or text_of(file, "permalink"):
            yield Attachment(
                url=url,
                mime=text_of(file, "mimetype") or "application/octet-stream",
                name=text_of(file, "name") or text_of(file, "title"),
                size=size if isinstance(size, int) and not isinstance(size, bool) and size >= 0 else None,
                description=text_of(file, "alt_txt"),
            )


def home_key(payload: Mapping[str, Any]) -> str:
    """Return which of our accounts an event is for: the installation that Slack names, else the workspace."""
    granted = next((one for one in rows(payload.get("authorizations")) if isinstance(one, Mapping)), {})
    return home_of(granted) or text_of(payload, "team_id")
