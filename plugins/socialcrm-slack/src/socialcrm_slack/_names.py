"""Names for the ids that messages carry: each author is looked up once in a flow ("users.info")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from socialcrm.connectors import Flow, Raw
from socialcrm.errors import ForbiddenError, NotFound, PayloadError
from socialcrm_slack._api import ask
from socialcrm_slack._fields import mapping, text_of
from socialcrm_slack._people import NOBODY, identity_of

__all__ = ["Names"]


class Names:
    """What the authors of one flow are called.

    Without the scope ``users:read`` they keep their ids: messages matter more than names.

    Args:
        home: Our workspace.
    """

    def __init__(self, home: str) -> None:
        self._home = home
        self._known: dict[str, tuple[str, str]] = {NOBODY: ("Slackbot", "")}
        self._allowed = True

    def raws(self, messages: Sequence[Any], context: Mapping[str, str]) -> Flow[list[Raw]]:
        """Return messages as elements, each with its author's name.

        Args:
            messages: As Slack sent them.
            context: What parsing needs to know of all of them.
        """
        found = []
        for message in messages:
            name, handle = yield from self._of(message)
            named = {key: value for key, value in (("name", name), ("handle", handle)) if value}
            found.append(Raw(kind="message", body=message, context={**context, **named}))
        return found

    def _of(self, message: Any) -> Flow[tuple[str, str]]:
        user = text_of(message, "user")
        if not user or text_of(mapping(message).get("user_profile"), "real_name"):
            return "", ""
        if user not in self._known and self._allowed:
            self._known[user] = yield from self._ask(user)
        return self._known.get(user, ("", ""))

    def _ask(self, user: str) -> Flow[tuple[str, str]]:
        try:
            body = yield from ask("users.info", user=user)
            identity = identity_of(mapping(body).get("user"), self._home)
        except ForbiddenError:
            self._allowed = False
        except (NotFound, PayloadError):
            return "", ""
        else:
            return identity.name, identity.handle.lstrip("@")
        return "", ""
