"""One line of the protocol: read from whatever bytes came, and written so that nobody's text can become a command.

Sources: "Modern IRC Client Protocol" (modern.ircdocs.horse, Client-to-Server Protocol Structure; Formatting; CTCP), RFC 2812
section 2.3, IRCv3 "Message Tags".
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from attrs import Factory, frozen

from socialcrm.errors import RefusedError

__all__ = ["Line", "build", "decode", "flatten", "fold", "is_room", "plain", "read_line"]

_ESCAPES = {":": ";", "s": " ", "\\": "\\", "r": "\r", "n": "\n"}
_CUT = 500
_UNSAFE = re.compile(r"[\r\n\0]")
_FORMAT = re.compile(
    r"\x03(?:\d{1,2}(?:,\d{1,2})?)?|\x04(?:[0-9A-Fa-f]{6}(?:,[0-9A-Fa-f]{6})?)?|[\x02\x0f\x11\x16\x1d\x1e\x1f]"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_BREAKS = re.compile(r"\s*[\r\n]\s*")
_CASES = {
    "rfc1459": str.maketrans("[]\\^", "{}|~"),
    "rfc1459-strict": str.maketrans("[]\\", "{}|"),
}


@frozen(kw_only=True)
class Line:
    """A message of the server.

    Args:
        raw: As it came, without its end.
        tags: Its tags, unescaped.
        source: Who it is from: ``nick!user@host`` or a server's name; may be empty.
        command: Upper case, or three digits.
        params: Its parameters.
    """

    raw: bytes
    tags: Mapping[str, str] = Factory(dict)
    source: str = ""
    command: str = ""
    params: tuple[str, ...] = ()

    @property
    def nick(self) -> str:
        """The source's nick, or the server's name."""
        return self.source.partition("!")[0].partition("@")[0]

    def param(self, place: int) -> str:
        """Return a parameter; empty where there is none."""
        return self.params[place] if -len(self.params) <= place < len(self.params) else ""


def decode(data: bytes) -> str:
    """Decode a line: UTF-8, also one that was cut within a character; else Windows-1252, as old clients write."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        # Text that was UTF-8 before, or a line as long as servers pass on, was cut; a lone byte at the end is an old client's.
        cut = error.reason == "unexpected end of data" and (len(data) >= _CUT or not data[: error.start].isascii())
        if cut:
            return data[: error.start].decode() + "\ufffd"
        return data.decode("cp1252", "replace")


def read_line(data: bytes) -> Line:
    """Take a line apart; whatever it holds, there is a result."""
    raw = data.rstrip(b"\r\n")
    rest, tags, source = decode(raw), {}, ""
    if rest.startswith("@"):
        packed, _, rest = rest[1:].partition(" ")
        for each in packed.split(";"):
            name, _, value = each.partition("=")
            tags[name] = re.sub(r"\\(.?)", lambda found: _ESCAPES.get(found[1], found[1]), value)
    rest = rest.lstrip(" ")
    if rest.startswith(":"):
        source, _, rest = rest[1:].partition(" ")
    head, colon, last = rest.partition(" :")
    words = head.split(" ") if head.strip() else [""]
    words = [word for word in words if word]
    command = words[0].upper() if words else ""
    params = (*words[1:], *((last,) if colon else ()))
    return Line(raw=raw, tags=tags, source=source, command=command, params=params)


def build(*words: str, last: str | None = None, tags: Mapping[str, str] | None = None) -> bytes:
    """Write a line.

    Args:
        words: The command and its middle parameters.
        last: The last parameter, which may hold spaces.
        tags: Client tags.

    Raises:
        RefusedError: A parameter would break out of its place: it holds a line's end, or a space where none may be.
    """
    packed = ";".join(f"{name}={_escape(value)}" for name, value in (tags or {}).items())
    for word in words:
        if not word or " " in word or word.startswith(":") or _UNSAFE.search(word):
            raise RefusedError(f"irc: {word[:80]!r} can't be part of a command; use a name without spaces and line ends")
    if _UNSAFE.search((last or "") + packed):
        raise RefusedError("irc: a text with a line's end or NUL in it can't be sent as one line; take it out")
    line = " ".join(words) + ("" if last is None else f" :{last}")
    return (f"@{packed} " if packed else "").encode() + line.encode("utf-8", "replace") + b"\r\n"


def _escape(value: str) -> str:
    for mark, char in (("\\", "\\"), (":", ";"), ("s", " "), ("r", "\r"), ("n", "\n")):
        value = value.replace(char, "\\" + mark)
    return value


def plain(text: str) -> str:
    """Return a text without formatting codes (bold, italics, colours) and other control characters."""
    return _CONTROL.sub("", _FORMAT.sub("", text)).encode("utf-8", "replace").decode()


def flatten(text: str) -> str:
    """Return a text as one line can carry it: line breaks become spaces, formatting and control characters go."""
    return _CONTROL.sub("", _FORMAT.sub("", _BREAKS.sub(" ", text))).strip()


def fold(name: str, mapping: str = "rfc1459") -> str:
    """Return a nick or a channel's name for comparison, by the server's CASEMAPPING."""
    lower = name.lower() if mapping == "rfc7613" else "".join(c.lower() if c.isascii() else c for c in name)
    return lower.translate(_CASES[mapping]) if mapping in _CASES else lower


def is_room(target: str, kinds: str = "#&") -> bool:
    """Tell whether a target is a channel (CHANTYPES)."""
    return bool(target) and target[0] in kinds
