"""Records as data frames, and as HTML that is safe to show (read side, extra ``notebook``).

Records are recognised by the name of their class: rooms on a floor do not import each other.
"""

from socialcrm.notebook._frames import columns, frames, to_frame
from socialcrm.notebook._pages import html

__all__ = ["columns", "frames", "html", "to_frame"]
