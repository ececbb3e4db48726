"""Ten lines to the first answered customer: an archive in, the inbox out, a reply queued.

Run it as it is: ``python examples/ten_lines.py``. It loads the mailbox of an invented company and sends nothing.
"""

from pathlib import Path

import socialcrm

archive = Path(socialcrm.__file__).parent / "cli" / "_demo_data" / "support.mbox"

with socialcrm.open("sqlite:///:memory:") as crm:
    print(crm.load(archive, platform="email", channel="support", address="support@example.com"))
    for case in crm.inbox(limit=5):
        print(case)
    case = crm.inbox(limit=1)[0]
    print(crm.preview(case, "Sorry for the wait! We are looking into it now."))
    print(crm.measures.report())
