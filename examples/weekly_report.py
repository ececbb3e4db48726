"""A report for the team, as one HTML page that needs nothing else: how customers fared, what waits, what we do not see.

Run it with the address of a database: ``python examples/weekly_report.py acme.db report.html``. For a cron job.
"""

import sys
from datetime import timedelta
from pathlib import Path

import socialcrm
from socialcrm.notebook import html


def page(crm: "socialcrm.CRM") -> str:
    """Return the page of the last seven days."""
    week = crm.measures.report(since=crm.clock() - timedelta(days=7), by="day")
    parts = [week, crm.inbox(limit=20), crm.map(), crm.coverage()]
    body = "<hr>".join(html(part) for part in parts)
    return f'<!doctype html><meta charset="utf-8"><title>The week</title><body style="margin:2em">{body}</body>'


if __name__ == "__main__":
    database, target = sys.argv[1:3]
    with socialcrm.open(database) as workspace:
        Path(target).write_text(page(workspace), encoding="utf-8")
    print(f"{target} written")
