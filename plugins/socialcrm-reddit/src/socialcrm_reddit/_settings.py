"""What a Reddit channel needs to know."""

from __future__ import annotations

import re

from attrs import field, frozen

from socialcrm.types import Secret

__all__ = ["RedditSettings"]

_AGENT = re.compile(r"[^\s:()]+:[^\s:()]+:\S+ \(by /?u/[A-Za-z0-9_-]{3,20}\)")
_SUBREDDIT = re.compile(r"(?:u_)?[A-Za-z0-9_-]{2,21}")


def _bare(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(re.sub(r"^/?r/", "", name.strip()).rstrip("/") for name in names)


@frozen(kw_only=True)
class RedditSettings:
    """The settings of a Reddit channel.

    Raises:
        ValueError: The user agent is not of Reddit's form, a subreddit is no name, a number is out of range, or credentials
            are given by halves.
    """

    user_agent: str = field(
        default="",
        metadata={"help": "who calls, in Reddit's form: linux:com.example.crm:v1.0 (by /u/our_account); sent with every call"},
    )
    client_id: str = field(default="", metadata={"help": "id of our application (under its name in Reddit's app preferences)"})
    client_secret: Secret | None = field(
        default=None, metadata={"help": "secret of our application; an installed app has none"}
    )
    refresh_token: Secret | None = field(
        default=None, metadata={"help": "refresh token of our account (duration=permanent); renews the access token hourly"}
    )
    token: Secret | None = field(
        default=None, metadata={"help": "access token, for trying out: it expires, and without refresh_token nothing renews it"}
    )
    subreddits: tuple[str, ...] = field(
        default=(), converter=_bare, metadata={"help": "subreddits to follow: their new posts and comments"}
    )
    moderated: tuple[str, ...] = field(
        default=(), converter=_bare, metadata={"help": "subreddits that our account moderates: their moderation queue is read"}
    )
    search: tuple[str, ...] = field(
        default=(), metadata={"help": "queries whose new posts are followed (Reddit's search syntax)"}
    )
    search_in: tuple[str, ...] = field(
        default=(), converter=_bare, metadata={"help": "subreddits to which the queries are limited; none for the whole site"}
    )
    inbox: bool = field(default=True, metadata={"help": "follow the inbox: replies, mentions, messages, and what we sent"})
    own_posts: bool = field(
        default=True, metadata={"help": "follow our own posts and comments, so answers written elsewhere appear"}
    )
    modmail: bool = field(default=False, metadata={"help": "follow the modmail of the subreddits that our account moderates"})
    history_days: int = field(default=30, metadata={"help": "how many days back the first sync looks; 0 for all Reddit gives"})
    recheck_days: int = field(
        default=30,
        metadata={"help": "for how many days posts and comments are looked up for edits and deletions; 0 for never"},
    )
    message_subject: str = field(
        default="About your post on Reddit", metadata={"help": "subject of a message that answers something public in private"}
    )

    @property
    def connected(self) -> bool:
        """Whether there are credentials: a channel that only loads archives has none."""
        return self.token is not None or self.refresh_token is not None

    @user_agent.validator
    def _check_agent(self, _attribute: object, value: str) -> None:
        if value and not _AGENT.fullmatch(value):
            raise ValueError(
                f"user_agent should look like 'linux:com.example.crm:v1.0 (by /u/our_account)', got {value!r}; "
                "Reddit blocks calls that do not say who they are"
            )

    @subreddits.validator
    @moderated.validator
    @search_in.validator
    def _check_names(self, attribute: object, value: tuple[str, ...]) -> None:
        for name in value:
            if not _SUBREDDIT.fullmatch(name):
                raise ValueError(
                    f"{getattr(attribute, 'name', 'it')} should hold names such as 'acme' (without r/), got {name!r}"
                )

    @history_days.validator
    @recheck_days.validator
    def _check_days(self, attribute: object, value: int) -> None:
        if not 0 <= value <= 5000:
            raise ValueError(f"{getattr(attribute, 'name', 'days')} should be a number of days from 0 to 5000, got {value}")

    @message_subject.validator
    def _check_subject(self, _attribute: object, value: str) -> None:
        if not 0 < len(value.strip()) <= 100:
            raise ValueError("message_subject should hold 1 to 100 characters, the most that Reddit allows")

    def __attrs_post_init__(self) -> None:
        if self.connected and not self.user_agent:
            raise ValueError("user_agent is missing: 'linux:com.example.crm:v1.0 (by /u/our_account)' for example")
        if self.refresh_token is not None and not self.client_id:
            raise ValueError("refresh_token needs client_id, to renew the access token with")
