"""What the connectors for Meta's Graph API share: calls, lists, errors, signatures, webhooks, posts, message exchanges.

A library without a connector of its own. `socialcrm_facebook` and `socialcrm_instagram` are built on all of it; a connector
for another product of Meta's takes what it needs: `sign`, `judge`, `receive`, `node` and `read_page` know no product.
"""

from socialcrm_meta._archive import export_batches, parse_export
from socialcrm_meta._attached import attached, filed
from socialcrm_meta._events import is_event, parse_event
from socialcrm_meta._graph import FACEBOOK, INSTAGRAM, VERSION, Page, check_version, node, read_page
from socialcrm_meta._judge import AlreadyAnswered, GraphError, WindowClosed, graph_error, judge
from socialcrm_meta._messages import Inbox, parse_message
from socialcrm_meta._people import known, party, unknown
from socialcrm_meta._replies import Replies, target
from socialcrm_meta._sign import sign
from socialcrm_meta._values import ident, mapping, moment, rows, text
from socialcrm_meta._wall import Wall, parse_census, parse_gone
from socialcrm_meta._webhook import Poke, receive

__all__ = [
    "FACEBOOK",
    "INSTAGRAM",
    "VERSION",
    "AlreadyAnswered",
    "GraphError",
    "Inbox",
    "Page",
    "Poke",
    "Replies",
    "Wall",
    "WindowClosed",
    "attached",
    "check_version",
    "export_batches",
    "filed",
    "graph_error",
    "ident",
    "is_event",
    "judge",
    "known",
    "mapping",
    "moment",
    "node",
    "parse_census",
    "parse_event",
    "parse_export",
    "parse_gone",
    "parse_message",
    "party",
    "read_page",
    "receive",
    "rows",
    "sign",
    "target",
    "text",
    "unknown",
]
