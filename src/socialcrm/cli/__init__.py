"""The command ``socialcrm``: a thin door to the CRM object (extra ``cli``)."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line, or say in one line which packages it lacks."""
    try:
        import click as _click  # noqa: F401 - only whether it is there
        import rich as _rich  # noqa: F401
    except ImportError:
        print("socialcrm's command line needs two more packages: pip install 'socialcrm[cli]'", file=sys.stderr)
        raise SystemExit(2) from None
    from socialcrm.cli._app import run

    raise SystemExit(run())
