"""Doors for webhooks: one function for any framework, and small ASGI and WSGI applications made of it.

Guarantees: a request is answered with success only after everything it brought is durable; nothing of a request that fails
verification is stored; an answer tells a stranger nothing about why, and neither body, header nor query is ever logged.
"""

from socialcrm.webhooks._asgi import asgi
from socialcrm.webhooks._receive import LIMIT, Reply, receive
from socialcrm.webhooks._wsgi import wsgi

__all__ = ["LIMIT", "Reply", "asgi", "receive", "wsgi"]
