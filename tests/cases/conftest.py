"""Keeps the examples of these laws few enough for every run, and puts the invented town within reach."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
