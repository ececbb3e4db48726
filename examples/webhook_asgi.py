"""Take webhooks for every channel of a workspace, at ``/CHANNEL``.

Run it with any ASGI server::

    pip install uvicorn
    SOCIALCRM_DB=acme.db uvicorn webhook_asgi:app --app-dir examples

then tell the platform the address ``https://hooks.example.com/CHANNEL``. Behind a proxy that hides it, say so in
``HOOKS_ORIGIN=https://hooks.example.com``: some platforms sign it.

What arrives is durable before it is answered; ``socialcrm inbox`` shows it at once.
"""

import os

from socialcrm.webhooks import asgi

app = asgi(os.environ.get("SOCIALCRM_DB", "socialcrm.db"), origin=os.environ.get("HOOKS_ORIGIN", ""))

# Within Starlette or FastAPI, at /hooks/CHANNEL:
#
#     application = Starlette(routes=[Mount("/hooks", app=app)])
#     application.mount("/hooks", app)                               # FastAPI
#
# Within Django, in asgi.py:
#
#     django_application = get_asgi_application()
#
#     async def application(scope, receive, send):
#         hooks = scope["type"] == "http" and scope["path"].startswith("/hooks/")
#         scope = {**scope, "root_path": "/hooks"} if hooks else scope
#         await (app if hooks else django_application)(scope, receive, send)
#
# Within any view of any framework:
#
#     status, headers, body = socialcrm.webhooks.receive(
#         crm, "shop", method=request.method, url=request.build_absolute_uri(), headers=request.headers, body=request.body
#     )
