"""What a message says: text, files and what it is besides, for every type that WhatsApp documents.

Source: WhatsApp Business Platform, messages webhook reference (one page for each type).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from attrs import Factory, frozen

from socialcrm.types import Attachment
from socialcrm_meta import FACEBOOK, ident, mapping, node, rows, text

__all__ = ["MEDIA", "Content", "content_of", "errors_of"]

MEDIA = ("image", "video", "audio", "document", "sticker")
_FLAGS = ("voice", "animated")
_UNKNOWN = "application/octet-stream"


@frozen(kw_only=True)
class Content:
    """What a message says.

    Args:
        text: As plain text.
        files: What came with it.
        extra: What WhatsApp tells besides.
        known: It is something that its author said; not a notice, and not of a type that nobody knows.
    """

    text: str = ""
    files: tuple[Attachment, ...] = ()
    extra: Mapping[str, Any] = Factory(dict)
    known: bool = True


def content_of(message: Mapping[str, Any], version: str) -> Content:
    """Read a message by its type.

    Args:
        message: ``{"type": T, T: {...}}``.
        version: Of the Graph API, for the addresses of files.
    """
    kind = text(message.get("type"))
    told = message.get(kind)
    if kind in MEDIA:
        return _media(kind, mapping(told), version)
    if kind == "media_placeholder":  # in a history, media are told first and brought later
        return Content(extra={"type": kind})
    read = _READERS.get(kind)
    if read is not None:
        return read(told)
    extra = {"type": kind} if kind else {}
    inner = text(mapping(message.get("unsupported")).get("type"))
    return Content(extra={**extra, "unsupported": inner} if inner else extra, known=False)


def errors_of(*lists: object) -> list[dict[str, Any]]:
    """Return what errors say, shortened: code, words, details."""
    found = []
    for one in (row for told in lists for row in rows(told)):
        words = text(one.get("message")) or text(one.get("title"))
        details = text(mapping(one.get("error_data")).get("details"))
        code = one.get("code")
        error = {"code": code if isinstance(code, int) else ident(code), "message": words[:300], "details": details[:500]}
        if error not in found:
            found.append(error)
    return found


def _media(kind: str, told: Mapping[str, Any], version: str) -> Content:
    key = ident(told.get("id"))
    url = FACEBOOK + node(version, key) if key else text(told.get("url")) or text(told.get("link"))
    mime, name = text(told.get("mime_type")) or _UNKNOWN, text(told.get("filename"))
    files = (Attachment(url=url, mime=mime, name=name, description=kind),) if url else ()
    flags = {name: True for name in _FLAGS if told.get(name) is True}
    return Content(text=text(told.get("caption")), files=files, extra={"type": kind, **flags})


def _text(told: object) -> Content:
    return Content(text=text(mapping(told).get("body")))


def _button(told: object) -> Content:
    button = mapping(told)
    payload = text(button.get("payload"))
    return Content(text=text(button.get("text")) or payload, extra={"button": payload} if payload else {})


def _location(told: object) -> Content:
    place = mapping(told)
    where = [text(place.get("name")), text(place.get("address"))]
    numbers = [place.get("latitude"), place.get("longitude")]
    if all(isinstance(one, int | float) and not isinstance(one, bool) for one in numbers):
        where.append(f"{numbers[0]}, {numbers[1]}")
    where.append(text(place.get("url")))
    return Content(text="\n".join(one for one in where if one), extra={"type": "location"})


def _contacts(told: object) -> Content:
    lines = []
    for card in rows(told) if isinstance(told, list) else ():
        name = mapping(card.get("name"))
        shown = text(name.get("formatted_name")) or text(name.get("first_name")) or text(card.get("vcard"))[:500]
        ways = [text(one.get("phone")) or text(one.get("wa_id")) for one in rows(card.get("phones"))]
        ways += [text(one.get("email")) for one in rows(card.get("emails"))]
        lines.append(": ".join(part for part in (shown, ", ".join(way for way in ways if way)) if part))
    return Content(text="\n".join(line for line in lines if line), extra={"type": "contacts"})


def _order(told: object) -> Content:
    order = mapping(told)
    lines = [text(order.get("text"))]
    for item in rows(order.get("product_items")):
        price = f"{item.get('item_price', '')} {text(item.get('currency'))}".strip()
        lines.append(
            f"{item.get('quantity', '?')} × {ident(item.get('product_retailer_id'))}" + (f", {price}" if price else "")
        )
    return Content(text="\n".join(line for line in lines if line), extra={"order": {"catalog": ident(order.get("catalog_id"))}})


def _interactive(told: object) -> Content:
    outer = mapping(told)
    kind = text(outer.get("type")) or next((name for name in outer if name.endswith("_reply")), "")
    reply = mapping(outer.get(kind))
    if kind == "call_permission_reply":
        return Content(text=text(reply.get("response")), extra={"call_permission": dict(reply)}, known=False)
    if kind == "nfm_reply":
        return _form(reply)
    words = [text(reply.get(name)) for name in ("title", "description", "body", "text")]
    said = "\n".join(word for word in words if word)
    extra = {"interactive": kind, **({"choice": ident(reply.get("id"))} if ident(reply.get("id")) else {})}
    return Content(text=said, extra=extra, known=bool(said))


def _form(reply: Mapping[str, Any]) -> Content:
    """A flow that the customer filled in: its fields, one a line, without the token that belongs to the flow."""
    try:
        answers = json.loads(text(reply.get("response_json")) or "{}")
    except (ValueError, RecursionError):
        answers = {}
    pairs = [(name, one) for name, one in mapping(answers).items() if name != "flow_token"]
    lines = [f"{name}: {one if isinstance(one, str) else json.dumps(one, ensure_ascii=False)}" for name, one in pairs]
    extra = {"interactive": "nfm_reply", "form": text(reply.get("name"))}
    return Content(text="\n".join(lines) or text(reply.get("body")), extra=extra)


def _system(told: object) -> Content:
    system = mapping(told)
    return Content(text=text(system.get("body")), extra={"system": dict(system)}, known=False)


_READERS: Mapping[str, Callable[[object], Content]] = {
    "text": _text,
    "button": _button,
    "location": _location,
    "contacts": _contacts,
    "order": _order,
    "interactive": _interactive,
    "system": _system,
}
