"""A customer's journey, the map of all journeys, what is not covered, and an event log for process mining (read side)."""

from socialcrm.journeys._coverage import ChannelCoverage, Coverage, coverage
from socialcrm.journeys._journey import Change, Journey, journey
from socialcrm.journeys._log import LOG_COLUMNS, event_log, write_csv
from socialcrm.journeys._map import ChannelVolume, Map, Path, Volume, journey_map
from socialcrm.journeys._waits import Wait, Waiting

__all__ = [
    "LOG_COLUMNS",
    "Change",
    "ChannelCoverage",
    "ChannelVolume",
    "Coverage",
    "Journey",
    "Map",
    "Path",
    "Volume",
    "Wait",
    "Waiting",
    "coverage",
    "event_log",
    "journey",
    "journey_map",
    "write_csv",
]
