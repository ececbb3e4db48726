"""Reading and handing in mail, for other plugins that speak about mail: the public face of what this plugin is made of.

Everything here is pure but `send_reply`, `settle_reply` and `check`, which are flows of steps, and `mbox_messages`, which
reads files. What is not listed in ``__all__`` may change without notice.

Example:
    >>> from socialcrm_email import mail
    >>> message = mail.read_message(b"From: Mara <Mara@Example.com>\\r\\nSubject: =?utf-8?q?Caf=C3=A9?=\\r\\n\\r\\nHello\\r\\n")
    >>> mail.read_mailboxes(mail.headers(message, "From"))
    (('Mara', 'mara@example.com'),)
    >>> mail.words(mail.header(message, "Subject"))
    'Café'
    >>> mail.split_reply("Yes.\\n\\n> Is it there?")
    ('Yes.', '> Is it there?')
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

from socialcrm.connectors import Raw
from socialcrm_email._addresses import Mailbox, message_ids, normal_address, read_mailboxes
from socialcrm_email._archive import archived_messages, split_mbox
from socialcrm_email._body import Body, decoded_text, read_body
from socialcrm_email._compose import message_id
from socialcrm_email._flowed import flow
from socialcrm_email._headers import clean, header, headers, read_date, read_message, words
from socialcrm_email._parse import stable_id
from socialcrm_email._reply import split_reply
from socialcrm_email._reports import is_automatic, list_id
from socialcrm_email._sent import send_reply, settle_reply
from socialcrm_email._smtp import check

__all__ = [
    "Body",
    "Mailbox",
    "check",
    "clean",
    "decoded_text",
    "flow",
    "header",
    "headers",
    "is_automatic",
    "list_id",
    "mbox_messages",
    "mbox_parts",
    "message_id",
    "message_ids",
    "normal_address",
    "read_body",
    "read_date",
    "read_mailboxes",
    "read_message",
    "send_reply",
    "settle_reply",
    "split_reply",
    "stable_id",
    "words",
]


def mbox_messages(path: Path, limit: int = 10 * 2**20) -> Iterator[Raw]:
    """Read the messages of an mbox file (also compressed), a Maildir, ``.eml`` files, or a folder of these, one at a time.

    Args:
        path: The file or folder.
        limit: How many bytes of one message are kept.

    Yields:
        Elements of kind ``message``: the bytes of one message each, with ``archive`` and ``folder`` in the context.

    Raises:
        PayloadError: There is no such file, or it is none of these.
    """
    return archived_messages(path, limit)


def mbox_parts(data: bytes, limit: int = 10 * 2**20) -> Iterator[bytes]:
    """Split an mbox that is in memory (RFC 4155) into its messages, without their separators.

    Args:
        data: What begins with a line ``From …``; anything else holds no message.
        limit: How many bytes of one message are kept.
    """
    file = io.BytesIO(data)
    if file.readline().startswith(b"From "):
        yield from (raw.body for raw in split_mbox(file, "", limit))
