"""Social CRM: conversations from any platform become customers, interactions and cases that a team can answer.

::

    import socialcrm

    crm = socialcrm.open("acme.db")
    crm.channels.add("wordpress", name="blog", server="https://blog.example.com")
    crm.sync()
    for case in crm.inbox():
        print(case)

Everything is loaded when it is first used: importing this module loads no HTTP client and no database.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from socialcrm import cases, connectors, errors, types
    from socialcrm.cases import Playbook
    from socialcrm.crm import CRM, migrate, open  # noqa: A004 - socialcrm.open reads as what it does
    from socialcrm.errors import SocialCRMError
    from socialcrm.types import Case, Customer, Interaction, Secret, Severity, Visibility

__all__ = [
    "CRM",
    "Case",
    "Customer",
    "Interaction",
    "Playbook",
    "Secret",
    "Severity",
    "SocialCRMError",
    "Visibility",
    "__version__",
    "cases",
    "connectors",
    "errors",
    "migrate",
    "open",
    "types",
]

_HOMES = {
    "CRM": "socialcrm.crm",
    "Case": "socialcrm.types",
    "Customer": "socialcrm.types",
    "Interaction": "socialcrm.types",
    "Playbook": "socialcrm.cases",
    "Secret": "socialcrm.types",
    "Severity": "socialcrm.types",
    "SocialCRMError": "socialcrm.errors",
    "Visibility": "socialcrm.types",
    "migrate": "socialcrm.crm",
    "open": "socialcrm.crm",
}
_ROOMS = ("cases", "connectors", "errors", "types")


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name in _ROOMS:
        return import_module(f"socialcrm.{name}")
    if name == "__version__":
        from importlib.metadata import version

        return version("socialcrm")
    raise AttributeError(f"module 'socialcrm' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
