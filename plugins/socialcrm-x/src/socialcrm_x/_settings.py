"""What an X channel needs to know."""

from __future__ import annotations

from urllib.parse import urlsplit

from attrs import field, frozen

from socialcrm.types import Secret

__all__ = ["XSettings"]

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@frozen(kw_only=True)
class XSettings:
    """The settings of an X channel.

    Three ways to sign in: OAuth 2.0 (``token``, with ``refresh_token`` and ``client_id`` to renew it), OAuth 1.0a
    (``consumer_key``, ``consumer_secret``, ``access_token``, ``access_token_secret``), or the application alone (``bearer``
    and ``user_id``), which reads what is public and writes nothing.

    Raises:
        ValueError: A number is out of range, an id is none, or credentials are given by halves.
    """

    token: Secret | None = field(
        default=None, metadata={"help": "OAuth 2.0 access token of our account (two hours, unless it can be renewed)"}
    )
    refresh_token: Secret | None = field(
        default=None, metadata={"help": "OAuth 2.0 refresh token (scope offline.access); X gives a new one each time"}
    )
    client_id: str = field(default="", metadata={"help": "OAuth 2.0 client id of our application, to renew the token"})
    client_secret: Secret | None = field(
        default=None, metadata={"help": "OAuth 2.0 client secret, where the application is a confidential client"}
    )
    consumer_key: Secret | None = field(default=None, metadata={"help": "OAuth 1.0a API key of our application"})
    consumer_secret: Secret | None = field(
        default=None, metadata={"help": "API key secret of our application; it also proves where webhooks come from"}
    )
    access_token: Secret | None = field(default=None, metadata={"help": "OAuth 1.0a access token of our account"})
    access_token_secret: Secret | None = field(default=None, metadata={"help": "OAuth 1.0a access token secret of our account"})
    bearer: Secret | None = field(
        default=None,
        metadata={"help": "Bearer token of the application alone: reads public posts, no messages, writes nothing"},
    )
    user_id: str = field(default="", metadata={"help": "Numeric id of our account; needed with a bearer, else asked for"})
    search: tuple[str, ...] = field(
        default=(), metadata={"help": "Queries of the recent search to follow (seven days back at most)"}
    )
    own_posts: bool = field(default=True, metadata={"help": "Follow our own posts, so answers written elsewhere appear"})
    messages: bool = field(default=True, metadata={"help": "Follow direct messages (needs a user's credentials, dm.read)"})
    history_days: int = field(default=30, metadata={"help": "How many days back the first sync looks; 0 for everything"})
    recheck_days: int = field(
        default=2, metadata={"help": "For how many days a post is looked up, hourly, for edits and deletions; 0 for never"}
    )
    long_posts: bool = field(
        default=False, metadata={"help": "Our account may write long posts (Premium): 25,000 characters instead of 280"}
    )
    old_names: bool = field(
        default=False, metadata={"help": "Ask by tweet.fields, as X's guides do, instead of post.fields as its specification"}
    )
    api: str = field(default="https://api.x.com", metadata={"help": "Address of the API; another one only for tests"})

    @property
    def user(self) -> bool:
        """Whether these are a user's credentials, and not the application's alone."""
        return self.token is not None or self.refresh_token is not None or self.access_token is not None

    @user_id.validator
    def _check_user(self, _attribute: object, value: str) -> None:
        if value and not (value.isascii() and value.isdigit() and len(value) <= 19):
            raise ValueError(f"user_id should be the account's numeric id, got {value!r}; a handle is no id")

    @history_days.validator
    @recheck_days.validator
    def _check_days(self, attribute: object, value: int) -> None:
        if not 0 <= value <= 5000:
            raise ValueError(f"{getattr(attribute, 'name', 'days')} should be a number of days from 0 to 5000, got {value}")

    @api.validator
    def _check_api(self, _attribute: object, value: str) -> None:
        parts = urlsplit(value)
        secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        if not secure or not parts.hostname or parts.path or parts.query or parts.fragment or parts.username:
            raise ValueError("api should look like https://api.x.com (http is for loopback only, no path)")

    def __attrs_post_init__(self) -> None:
        signed = (self.consumer_key, self.consumer_secret, self.access_token, self.access_token_secret)
        if (self.access_token or self.access_token_secret) and None in signed:
            raise ValueError(
                "OAuth 1.0a needs consumer_key, consumer_secret, access_token and access_token_secret together"
            )  # fmt: skip
        if self.refresh_token is not None and not self.client_id:
            raise ValueError("refresh_token needs client_id, to renew the token with")
        if self.bearer is not None and not self.user and not self.user_id:
            raise ValueError("with a bearer alone X can't tell who we are: set user_id, the numeric id of our account")
