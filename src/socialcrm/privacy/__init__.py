"""What a customer may ask for: everything that is held about them, and that it goes.

After `forget`, no table and no element of the journal holds what they wrote, what we wrote to them, or a name, address or
account of theirs. What stays counts and can't be read back: that somebody wrote at a time on a channel, and what became of the
case, so that measures stay what they were. Names and ids are replaced by marks: keyed hashes, whose key is made when the first
customer is forgotten and never leaves the database. By its mark, something that the platform delivers again is recognised and
dropped before it is written anywhere (`sift`). What they write *later* is taken up: they are a new customer then.

Limits: what others wrote about them is the others' and stays, and so do tags and agents' reasons in other customers' cases. An
edit whose original never arrived names nobody, so nobody's name can find it. Backups and the platforms have their own copies.
On SQLite the pages are overwritten and the write-ahead log is emptied; PostgreSQL keeps old row versions until its VACUUM.
"""

from socialcrm.privacy._export import export
from socialcrm.privacy._forget import Forgotten, empty_log, forget
from socialcrm.privacy._journal import Parse
from socialcrm.privacy._marks import ERASED
from socialcrm.privacy._sift import sift

__all__ = ["ERASED", "Forgotten", "Parse", "empty_log", "export", "forget", "sift"]
