"""What a Facebook channel needs to know."""

from __future__ import annotations

from attrs import field, frozen

from socialcrm.types import Secret
from socialcrm_meta import VERSION, check_version

__all__ = ["FacebookSettings"]


def _id(value: str) -> str:
    return value.strip()


@frozen(kw_only=True)
class FacebookSettings:
    """One Page.

    Args:
        page_id: The Page's id; empty for a loaded archive only.
        token: A long-lived Page access token, or that of a system user with a task on the Page.
        app_secret: The app's secret: proves calls (``appsecret_proof``) and verifies webhooks.
        verify_token: What the app's dashboard sends along when the webhook is set up; free words of ours.
        messages: Whether Messenger is read. Without it a reply may be longer.
        reviews: Whether recommendations are read; most apps get error 12 for that since v22.0, webhooks bring them anyway.
        human_agent: The app was granted the feature Human Agent: people may answer until 7 days after the customer wrote.
        history_days: How long posts are looked at, and how far back the first look into Messenger goes, in days.
        rescan_minutes: How long to wait between two looks for edits and deletions, in minutes.
        version: Of the Graph API.
        archive_name: Our name in an export, where it can't be told from the export itself.

    Raises:
        ValueError: The values do not go together; the message says what to change.
    """

    page_id: str = field(
        default="", converter=_id, metadata={"help": "the Page's numeric id; only a loaded archive does without"}
    )
    token: Secret | None = field(default=None, metadata={"help": "a long-lived Page access token"})
    app_secret: Secret | None = field(default=None, metadata={"help": "the app's secret; needed for webhooks"})
    verify_token: Secret | None = field(default=None, metadata={"help": "the words that you set for the webhook's handshake"})
    messages: bool = field(default=True, metadata={"help": "read Messenger; needs pages_messaging"})
    reviews: bool = field(default=False, metadata={"help": "poll recommendations; webhooks bring them without"})
    human_agent: bool = field(
        default=False, metadata={"help": "the app has the feature Human Agent: 7 days instead of 24 hours"}
    )
    history_days: int = field(default=30, metadata={"help": "days for which posts are looked at"})
    rescan_minutes: int = field(default=60, metadata={"help": "minutes between two looks for edits and deletions"})
    version: str = field(default=VERSION, converter=check_version, metadata={"help": "version of the Graph API"})
    archive_name: str = field(default="", metadata={"help": "our name in a loaded export, if it can't be told from it"})

    def __attrs_post_init__(self) -> None:
        """Refuse what can't work."""
        if bool(self.page_id) != (self.token is not None):
            raise ValueError("page_id and token go together: give both, or neither for a loaded archive only")
        if self.page_id and not (self.page_id.isascii() and self.page_id.isdigit()):
            raise ValueError("page_id should be the Page's numeric id (Page settings → About → Page transparency)")
        if self.history_days < 1 or self.rescan_minutes < 0:
            raise ValueError("history_days should be 1 or more, rescan_minutes 0 or more")
