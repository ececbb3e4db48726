"""What an Instagram channel needs to know."""

from __future__ import annotations

from attrs import field, frozen

from socialcrm.types import Secret
from socialcrm_meta import FACEBOOK, INSTAGRAM, VERSION, check_version

__all__ = ["InstagramSettings"]


def _id(value: str) -> str:
    return value.strip()


@frozen(kw_only=True)
class InstagramSettings:
    """One professional account.

    Args:
        account_id: The Instagram professional account's id; empty for a loaded archive only.
        page_id: The linked Facebook Page's id, where the token is that Page's (Facebook Login). Without it the token is an
            Instagram user's (Instagram Login).
        token: A long-lived token of the Page, or of the Instagram user.
        app_secret: The app's secret (that of the Instagram app with Instagram Login): verifies webhooks, proves calls.
        verify_token: What the app's dashboard sends along when the webhook is set up; free words of ours.
        messages: Whether direct messages are read. Without them a reply may be longer.
        human_agent: The app was granted the feature Human Agent: people may answer until 7 days after the customer wrote.
        history_days: How long media are looked at, and how far back the first look into the messages goes, in days.
        rescan_minutes: How long to wait between two looks for hidden and deleted comments, in minutes.
        version: Of the Graph API.
        archive_name: Our name in an export, where it can't be told from the export itself.

    Raises:
        ValueError: The values do not go together; the message says what to change.
    """

    account_id: str = field(
        default="",
        converter=_id,
        metadata={"help": "the professional account's numeric id; only a loaded archive does without"},
    )
    page_id: str = field(default="", converter=_id, metadata={"help": "the linked Page's id, if the token is the Page's"})
    token: Secret | None = field(default=None, metadata={"help": "a long-lived token of the Page or of the Instagram user"})
    app_secret: Secret | None = field(default=None, metadata={"help": "the app's secret; needed for webhooks"})
    verify_token: Secret | None = field(default=None, metadata={"help": "the words that you set for the webhook's handshake"})
    messages: bool = field(default=True, metadata={"help": "read direct messages"})
    human_agent: bool = field(
        default=False, metadata={"help": "the app has the feature Human Agent: 7 days instead of 24 hours"}
    )
    history_days: int = field(default=30, metadata={"help": "days for which media are looked at"})
    rescan_minutes: int = field(default=60, metadata={"help": "minutes between two looks for hidden and deleted comments"})
    version: str = field(default=VERSION, converter=check_version, metadata={"help": "version of the Graph API"})
    archive_name: str = field(default="", metadata={"help": "our name in a loaded export, if it can't be told from it"})

    def __attrs_post_init__(self) -> None:
        """Refuse what can't work."""
        if bool(self.account_id) != (self.token is not None):
            raise ValueError("account_id and token go together: give both, or neither for a loaded archive only")
        for name in ("account_id", "page_id"):
            value = getattr(self, name)
            if value and not (value.isascii() and value.isdigit()):
                raise ValueError(f"{name} should be a number as the Graph API gives it, not a user name")
        if self.history_days < 1 or self.rescan_minutes < 0:
            raise ValueError("history_days should be 1 or more, rescan_minutes 0 or more")

    @property
    def host(self) -> str:
        """The Graph API that the token is for."""
        return FACEBOOK if self.page_id else INSTAGRAM
