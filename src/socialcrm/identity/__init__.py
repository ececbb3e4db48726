"""From identities to customers: recognised exactly, joined by assertions that can be taken back."""

from socialcrm.identity._assertions import active, connect, join, retract, separate
from socialcrm.identity._recognise import Known, People, recognise

__all__ = ["Known", "People", "active", "connect", "join", "recognise", "retract", "separate"]
