"""The CRM object: wiring, and the two corridors ``inbound`` and ``outbound``."""

from socialcrm.crm._channels import Channels
from socialcrm.crm._crm import CRM
from socialcrm.crm._open import migrate, open  # noqa: A004 - socialcrm.open reads as what it does
from socialcrm.crm._pull import Progress
from socialcrm.crm._reports import ChannelReport, FlushReport, SyncReport
from socialcrm.crm._team import Team

__all__ = ["CRM", "ChannelReport", "Channels", "FlushReport", "Progress", "SyncReport", "Team", "migrate", "open"]
