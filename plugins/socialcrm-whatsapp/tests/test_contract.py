"""The WhatsApp connector keeps the contract, on an invented number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from socialcrm.connectors import Incoming, Raw
from socialcrm.testing import Bench, ConnectorSuite, Scenario, Webhook
from socialcrm_whatsapp import WhatsAppConnector

TIME = 1772452800  # 2026-03-02 12:00 UTC
CONTACT = {"profile": {"name": "Mara", "username": "mara"}, "wa_id": "15550123", "user_id": "US.134912"}


class Told(Bench):
    """A bench whose platform calls us: before each look, Meta has delivered everything, some of it again."""

    def _open(self) -> Any:
        crm = super()._open()
        sync = crm.sync

        def heard(*args: Any, **kwargs: Any) -> Any:
            self.hear(crm)
            return sync(*args, **kwargs)

        crm.sync = heard  # type: ignore[method-assign]  # only this one's
        return crm

    def async_sync(self) -> Any:
        self.hear(self.crm)
        return super().async_sync()

    def hear(self, crm: Any) -> None:
        (channel,) = crm.channels
        for request in self.platform.requests():
            crm.receive(channel.name, request)


def message(key: str, kind: str = "text", at: int = 0, **told: Any) -> dict[str, Any]:
    """A message of Mara's."""
    return {"from": "15550123", "id": f"wamid.{key}", "timestamp": str(TIME + at), "type": kind, **told}


def changes(world: Any) -> tuple[Any, ...]:
    said = world.change(messages=[message("A", text={"body": "My line is slow"})], contacts=[CONTACT])
    typo = {"original_message_id": "wamid.A", "message": {"type": "text", "text": {"body": "My line is dead"}}}
    edited = world.change(messages=[message("B", "edit", 20, edit=typo)], contacts=[CONTACT])
    wrong = world.change(messages=[message("C", at=5, text={"body": "Wrong chat"})], contacts=[CONTACT])
    gone = world.change(messages=[message("D", "revoke", 30, revoke={"original_message_id": "wamid.C"})], contacts=[CONTACT])
    return said, edited, wrong, gone


def hook(world: Any) -> Webhook:
    query = {"hub.mode": "subscribe", "hub.verify_token": "canary-verify-1", "hub.challenge": "1158201444"}
    url = "https://us.example.org/hooks/whatsapp"
    return Webhook(
        sign=world.signed,
        events=tuple(world.notification(one) for one in changes(world)),
        many=world.notification(*changes(world)),
        unknown=world.notification({"field": "account_update", "value": {"event": "VERIFIED_ACCOUNT"}}),
        header="x-hub-signature-256",
        challenge=(Incoming(method="GET", url=url, query=query, at=world.NOON), b"1158201444"),
    )


def export(folder: Path) -> Path:
    path = folder / "WhatsApp Chat with Mara.txt"
    lines = (
        "28/02/2026, 23:58 - Messages and calls are end-to-end encrypted.",
        "28/02/2026, 23:59 - Mara: My line is slow",
        "since Monday",
        "01/03/2026, 08:00 - Acme: We look into it",
        "01/03/2026, 08:05 - Mara: \u200eIMG-20260301-WA0001.jpg (file attached)",
        "the router",
    )
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def raw(kind: str, element: Any, **context: str) -> Raw:
    return Raw(kind, {"element": element, "contact": CONTACT}, {"number": "15550100", "number_id": "1065", **context})


SAMPLES = (
    raw("message", message("1", "image", image={"id": "77", "caption": "Look", "mime_type": "image/jpeg"})),
    raw("message", message("2", "interactive", interactive={"type": "nfm_reply", "nfm_reply": {"response_json": '{"a": 1}'}})),
    raw("message", message("3", "reaction", reaction={"message_id": "wamid.9", "emoji": "👍"})),
    raw("message", message("4", "system", system={"type": "user_changed_number", "wa_id": "15550199", "body": "moved"})),
    raw("message", message("5", "order", order={"catalog_id": "1", "product_items": [{"quantity": 2}]}), group_id="9"),
    raw("message", message("6", "text", text={"body": "Hi"}, to="15550123"), list="message_echoes"),
    raw("status", {"id": "wamid.6", "status": "failed", "timestamp": str(TIME), "errors": [{"code": 131047}]}),
    raw("call", {"id": "wacid.1", "event": "terminate", "direction": "USER_INITIATED", "timestamp": str(TIME), "from": "155"}),
)


class TestWhatsApp(ConnectorSuite):
    connector = WhatsAppConnector

    def bench(self, scenario: Scenario, platform: Any = None) -> Bench:
        return Told(self.connector, scenario, platform)

    @pytest.fixture
    def scenario(self, world: Any) -> Scenario:
        return Scenario(
            platform=world.busy,
            settings={
                "phone_number_id": world.NUMBER,
                "token": world.TOKEN,
                "app_secret": world.SECRET,
                "verify_token": "canary-verify-1",
            },
            changes=(
                lambda number: number.write("One more thing"),
                lambda number: number.write("And another", by=world.ELI),
            ),
            webhook=lambda _number: hook(world),
            archive=export,
            archived=("My line is slow\nsince Monday", "We look into it", "the router"),
            samples=SAMPLES,
            settles=False,
            now=world.NOON,
        )
