"""Counts and waits, each with a written definition (read side). Nothing here counts posts, reach or followers."""

from socialcrm.measures._facts import CaseFact, Turn
from socialcrm.measures._measures import MEASURES, Measure, Slice
from socialcrm.measures._report import NO_DATA, Report, Row, report

__all__ = ["MEASURES", "NO_DATA", "CaseFact", "Measure", "Report", "Row", "Slice", "Turn", "report"]
