"""What becomes of a plugin's own mistakes: an error of ours that says whose they are, so that they stop nobody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from socialcrm.connectors import Flow
from socialcrm.errors import PluginError, SocialCRMError

__all__ = ["blaming", "guarded"]

R = TypeVar("R")


@contextmanager
def blaming(platform: str, *, but: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Turn what a connector should never raise into an error of ours.

    Args:
        platform: Whose connector works inside.
        but: What may pass as it is, besides our own errors.

    Raises:
        PluginError: The connector raised something else.
    """
    try:
        yield
    except SocialCRMError:
        raise
    except Exception as error:
        if isinstance(error, but):
            raise
        raise PluginError(
            f"the plugin for {platform} failed with {type(error).__name__}: {error}; what was committed stays. Report it to "
            "the plugin's authors, with this error's traceback"
        ) from error


def guarded(make: Callable[[], Flow[R]], platform: str) -> Flow[R]:
    """Return the flow that a connector makes, with its mistakes turned into `PluginError`."""
    with blaming(platform):
        return (yield from make())
