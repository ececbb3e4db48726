"""What needs an answer, in order of need (read side)."""

from socialcrm.inbox._inbox import explain, inbox

__all__ = ["explain", "inbox"]
