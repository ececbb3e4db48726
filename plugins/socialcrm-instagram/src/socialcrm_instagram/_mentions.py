"""What is said about us on media that are not ours: mentions that webhooks point at, and media that tag us.

Sources: Instagram Platform: Mentions (``mentioned_comment``, ``mentioned_media``), IG User Tags; with Facebook Login only.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from attrs import frozen

from socialcrm.connectors import Batch, Call, Cursor, Flow, Now, Raw
from socialcrm.errors import NotFound, PayloadError, RefusedError
from socialcrm_instagram._parse import TAGGED
from socialcrm_meta import mapping, moment, node, read_page, rows

__all__ = ["Mentions"]

_COMMENT = "id,text,timestamp,username,media{id,permalink}"


@frozen(kw_only=True)
class Mentions:
    """Mentions of one account.

    Cursor rows: ``mention:MEDIA:COMMENT`` (a webhook told of it; the comment is empty for a caption), ``tags`` (when it was
    last looked for media that tag us).

    Args:
        version: Of the Graph API.
        account: The Instagram account's id.
        days: How long ago a medium that tags us may have been published.
        minutes: How long to wait between two looks for such media.
    """

    version: str
    account: str
    days: int
    minutes: int

    def follow(self, cursor: Cursor) -> Flow[None]:
        """Read what webhooks told of, then look for new tags.

        Raises:
            RefusedError: A mention can't be read; the others were.
        """
        failed: RefusedError | None = None
        for key in sorted(key for key in cursor if key.startswith("mention:")):
            try:
                yield from self._mention(key)
            except RefusedError as error:
                failed = error
        yield from self._tags(cursor)
        if failed is not None:
            raise failed

    def _mention(self, key: str) -> Flow[None]:
        _, media, comment = key.split(":", 2)
        name = "mentioned_comment" if comment else "mentioned_media"
        asked = f"{name}.comment_id({comment}){{{_COMMENT}}}" if comment else f"{name}.media_id({media}){{{TAGGED}}}"
        try:
            answer = yield from Call("GET", node(self.version, self.account), params={"fields": asked})
        except NotFound:  # it was taken down before it was read
            yield from Batch([], {key: None})
            return
        row = answer.json(dict, "id").get(name)
        if not isinstance(row, Mapping):
            raise PayloadError(f"instagram should answer {name} as an object; check that the token is the linked Page's")
        yield from Batch([Raw("mention", row, {"media": media, **({"comment": comment} if comment else {})})], {key: None})

    def _tags(self, cursor: Cursor) -> Flow[None]:
        """Look through the media that tag us: one may do so long after it was published, so all of the last days are read."""
        now = yield from Now()
        last = moment(cursor.get("tags"))
        if last is not None and now - last < timedelta(minutes=self.minutes):
            return
        floor, more = now - timedelta(days=self.days), dict[str, str]()
        while True:
            page = yield from read_page(node(self.version, self.account, "tags"), {"fields": TAGGED, "limit": "50"}, more)
            times = [at for row in rows(list(page.rows)) if (at := moment(row.get("timestamp")))]
            fresh = [row for row in page.rows if (moment(mapping(row).get("timestamp")) or now) >= floor]
            if fresh:
                yield from Batch([Raw("tagged", row) for row in fresh])
            more = dict(page.more)
            if not more or (times and max(times) < floor):
                break
        yield from Batch([], {"tags": now.isoformat()})
