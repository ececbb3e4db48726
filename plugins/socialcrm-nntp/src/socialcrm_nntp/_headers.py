"""What headers of articles hold that mail has not, or that is read otherwise there."""

from __future__ import annotations

import re

from socialcrm_email import mail

__all__ = ["group_names", "sender"]

_GROUP = re.compile(r"[^\s,;:*?!\[\]\\\x00-\x20\x7f]{1,497}\Z")


def sender(value: str) -> mail.Mailbox:
    """Return who wrote: the name as it came, and the normalised address, which is empty where ``From`` does not tell."""
    return next(iter(mail.read_mailboxes([value])), (value, ""))


def group_names(value: str) -> tuple[str, ...]:
    """Return the groups in ``Newsgroups`` or ``Followup-To``, none twice, without what is no name (RFC 5536, section 3.1.4)."""
    names = (name.strip() for name in value.split(","))
    return tuple(dict.fromkeys(name for name in names if _GROUP.match(name)))[:100]
