"""A HyperKitty, a Pipermail archive and a mail server in memory. All people, lists and mails here are invented."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from socialcrm.connectors import Answer, Incoming

LIST = "talk@lists.example.org"
ARCHIVE = f"https://lists.example.org/archives/list/{LIST}/"
START = datetime(2026, 3, 1, 8, tzinfo=UTC)


def digest(id: str) -> str:  # noqa: A002 - the archive's word
    return base64.b32encode(hashlib.sha1(id.encode()).digest()).decode()


class Mta:
    """The mail server: what it accepted goes to the list's archive, or to a person."""

    def __init__(self, deliver: Callable[[str, bytes], None]) -> None:
        self.deliver = deliver
        self.accepted: list[tuple[str, str]] = []

    def accept(self, receiver: str, content: bytes) -> None:
        message = message_from_bytes(content, policy=default)
        self.accepted.append((receiver, message.get_content().strip()))
        self.deliver(receiver, content)


class Smtp:
    """One connection to the mail server."""

    def __init__(self, mta: Mta) -> None:
        self.mta, self.closed, self.inbox = mta, False, b""
        self.receiver, self.data = "", None  # type: str, list[bytes] | None

    def greet(self) -> bytes:
        return b"220 ready\r\n"

    def feed(self, data: bytes) -> bytes:
        self.inbox += data
        told = b""
        while b"\r\n" in self.inbox:
            line, _, self.inbox = self.inbox.partition(b"\r\n")
            told += self._line(line)
        return told

    def _line(self, line: bytes) -> bytes:
        if self.data is not None:
            if line != b".":
                self.data.append(line.removeprefix(b"."))
                return b""
            content, self.data = b"\r\n".join(self.data) + b"\r\n", None
            self.mta.accept(self.receiver, content)
            return b"250 accepted\r\n"
        verb = line.split(b" ")[0].split(b":")[0].upper()
        if verb == b"EHLO":
            return b"250-mail.example.org\r\n250 AUTH PLAIN\r\n"
        if verb == b"AUTH":
            return b"235 in\r\n"
        if verb == b"DATA":
            self.data = []
            return b"354 go on\r\n"
        if verb == b"RCPT":
            self.receiver = line.decode().partition("<")[2].rstrip(">")
        self.closed = verb == b"QUIT"
        return b"221 bye\r\n" if self.closed else b"250 fine\r\n"


class HyperKitty:
    """One list's archive, as HyperKitty 1.3 answers."""

    def __init__(self, policy: str = "public") -> None:
        self.policy = policy
        self.mails: list[dict[str, Any]] = []
        self.mta = Mta(self._deliver)
        self.page_size = 0
        self.most = 0

    def add(self, id: str, text: str, *, sender: str = "mara@example.com", name: str = "Mara", **more: Any) -> None:  # noqa: A002
        """Archive a mail as the newest, or ``place`` it deeper."""
        if id in {mail["message_id"] for mail in self.mails}:
            return  # as HyperKitty does with a Message-ID that it has
        parent = more.get("parent")
        thread = next((mail["thread"] for mail in self.mails if mail["message_id"] == parent), digest(id))
        row = {
            "message_id": id,
            "message_id_hash": digest(id),
            "thread": thread,
            "parent": digest(parent) if parent else None,
            "sender": {"address": sender.replace("@", " (a) "), "mailman_id": None, "emails": None},
            "sender_name": name,
            "subject": more.get("subject", "[Talk] Lines"),
            "date": (START + timedelta(minutes=len(self.mails))).isoformat().replace("+00:00", "Z"),
            "content": text + "\n",
            "attachments": more.get("attachments", []),
            "votes": {"likes": 1, "dislikes": 0, "status": "neutral"},
        }
        self.mails.insert(more.get("place", len(self.mails)), row)

    def remove(self, id: str) -> None:  # noqa: A002 - the archive's word
        self.mails = [mail for mail in self.mails if mail["message_id"] != id]

    def _deliver(self, receiver: str, content: bytes) -> None:
        if receiver != LIST:
            return
        message = message_from_bytes(content, policy=default)
        self.add(
            str(message["Message-ID"]).strip("<>"),
            message.get_content().strip(),
            sender=message["From"].addresses[0].addr_spec,
            name=message["From"].addresses[0].display_name,
            parent=str(message["In-Reply-To"] or "").strip("<>") or None,
            subject=str(message["Subject"]),
        )

    def texts(self) -> list[str]:
        return [mail["content"].strip() for mail in self.mails]

    def received(self) -> list[str]:
        return [text for _, text in self.mta.accepted]

    def streams(self) -> Mapping[str, Callable[[], Smtp]]:
        return {"smtp": lambda: Smtp(self.mta)}

    def answer(self, request: Incoming) -> Answer:
        root = f"/archives/api/list/{LIST}/"
        path = unquote(urlsplit(request.url).path)
        if path == root:
            return _json({"name": LIST, "display_name": "Talk", "subject_prefix": "[Talk] ", "archive_policy": self.policy})
        if path == f"{root}emails/":
            return self._page(int(str(request.query["limit"])), int(str(request.query["offset"])))
        found = [mail for mail in self.mails if path == f"{root}email/{mail['message_id_hash']}/"]
        return _json(self._shown(found[0], whole=True)) if found else _json({"detail": "No Email matches."}, 404)

    def _page(self, limit: int, offset: int) -> Answer:
        newest_first = self.mails[::-1]
        limit = min(limit, self.page_size or limit)
        rows = [self._shown(mail, whole=False) for mail in newest_first[offset : offset + limit]]
        return _json({"count": len(self.mails), "next": None, "previous": None, "results": rows})

    def _shown(self, mail: dict[str, Any], *, whole: bool) -> dict[str, Any]:
        base = f"https://lists.example.org/archives/api/list/{LIST}"
        shown = {**mail, "thread": f"{base}/thread/{mail['thread']}/", "url": f"{base}/email/{mail['message_id_hash']}/"}
        # HyperKitty links a parent only while it has it
        known = mail["parent"] in {other["message_id_hash"] for other in self.mails}
        shown["parent"] = f"{base}/email/{mail['parent']}/" if known else None
        return {key: value for key, value in shown.items() if whole or key not in ("content", "votes", "attachments")}


class Pipermail:
    """A list's archive as Pipermail keeps it: one file a month, the newest not yet packed."""

    def __init__(self) -> None:
        self.months: dict[str, list[bytes]] = {"2026-January": [], "2026-February": [], "2026-March": []}
        self.mta = Mta(self._deliver)

    def add(self, month: str, mail: bytes) -> None:
        if mail not in self.months[month]:
            self.months[month].append(mail)

    def _deliver(self, receiver: str, content: bytes) -> None:
        if receiver == LIST:
            message = message_from_bytes(content, policy=default)
            self.add("2026-March", pipermail_mail(
                str(message["Message-ID"]), message.get_content().strip(),
                parent=str(message["In-Reply-To"] or ""), sender="support at example.org (Support)"))  # fmt: skip

    def received(self) -> list[str]:
        return [text for _, text in self.mta.accepted]

    def texts(self) -> list[str]:
        return [mail.partition(b"\n\n")[2].decode().strip() for mails in self.months.values() for mail in mails]

    def streams(self) -> Mapping[str, Callable[[], Smtp]]:
        return {"smtp": lambda: Smtp(self.mta)}

    def index(self) -> bytes:
        rows = "".join(
            f'<tr><td>{name}:</td><td><A href="{name}/thread.html">[ Thread ]</a></td><td><A href="{self._file(name)}">'
            "[ Text 1 KB ]</a></td></tr>"
            for name in reversed(self.months)
        )
        head = '<title>The Talk Archives</title><a href="https://lists.example.org/mailman/listinfo/talk">more information</a>'
        return f"<!DOCTYPE HTML><html><head>{head}</head><body><table>{rows}</table></body></html>".encode()

    def _file(self, name: str) -> str:
        return f"{name}.txt" + ("" if name == list(self.months)[-1] else ".gz")

    def answer(self, request: Incoming) -> Answer:
        path = urlsplit(request.url).path
        if path == "/pipermail/talk/":
            return Answer(status=200, headers={"content-type": "text/html"}, content=self.index())
        for name, mails in self.months.items():
            if path == f"/pipermail/talk/{self._file(name)}":
                data = b"".join(b"From mara at example.com  Sun Mar  1 10:00:00 2026\n" + mail + b"\n\n" for mail in mails)
                packed = path.endswith(".gz")
                return Answer(status=200, content=gzip.compress(data, mtime=0) if packed else data)
        return Answer(status=404, content=b"Not found")


def pipermail_mail(
    id: str,  # noqa: A002 - the contract's word
    text: str,
    *,
    sender: str = "mara at example.com (Mara Muster)",
    parent: str = "",
    subject: str = "[Talk] Lines",
) -> bytes:
    """Write a mail as Pipermail's text files hold it."""
    head = [f"From: {sender}", "Date: Sun, 1 Mar 2026 10:00:00 +0100", f"Subject: {subject}"]
    head += [f"In-Reply-To: {parent}", f"References: {parent}"] if parent else []
    return ("\n".join([*head, f"Message-ID: {id}"]) + f"\n\n{text}\n").encode()


def _json(value: object, status: int = 200) -> Answer:
    return Answer(status=status, headers={"content-type": "application/json"}, content=json.dumps(value).encode())


@pytest.fixture
def hyperkitty() -> type[HyperKitty]:
    return HyperKitty


@pytest.fixture
def pipermail() -> type[Pipermail]:
    return Pipermail


@pytest.fixture
def build_mail() -> Callable[..., bytes]:
    return pipermail_mail
