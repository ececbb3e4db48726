"""The connector contract: steps, capabilities, hook specs and the plugin manager.

Everything that a plugin author needs is importable from here.
"""

from socialcrm.connectors._capabilities import Capabilities, TextLimit, Unit, measure
from socialcrm.connectors._connector import CONTRACT, Connector, ConnectorInfo, NoSettings, Stream
from socialcrm.connectors._declared import disagreements
from socialcrm.connectors._hooks import HookSpec, hookimpl
from socialcrm.connectors._judge import judge_http, retry_after
from socialcrm.connectors._manager import GROUP, PluginManager, PluginReport
from socialcrm.connectors._messages import Hook, Incoming, Outgoing, Receipt, Verdict
from socialcrm.connectors._settings import describe_settings, make_settings, plain_settings
from socialcrm.connectors._steps import (
    All,
    Answer,
    Batch,
    Blob,
    Blocking,
    Call,
    Conn,
    Cursor,
    Fields,
    Flow,
    Grant,
    Now,
    Open,
    Raw,
    Read,
    Sent,
    StartTLS,
    Step,
    Write,
    secret_fields,
)

__all__ = [
    "CONTRACT",
    "GROUP",
    "All",
    "Answer",
    "Batch",
    "Blob",
    "Blocking",
    "Call",
    "Capabilities",
    "Conn",
    "Connector",
    "ConnectorInfo",
    "Cursor",
    "Fields",
    "Flow",
    "Grant",
    "Hook",
    "HookSpec",
    "Incoming",
    "NoSettings",
    "Now",
    "Open",
    "Outgoing",
    "PluginManager",
    "PluginReport",
    "Raw",
    "Read",
    "Receipt",
    "Sent",
    "StartTLS",
    "Step",
    "Stream",
    "TextLimit",
    "Unit",
    "Verdict",
    "Write",
    "describe_settings",
    "disagreements",
    "hookimpl",
    "judge_http",
    "make_settings",
    "measure",
    "plain_settings",
    "retry_after",
    "secret_fields",
]
