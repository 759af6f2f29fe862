"""What a training reports while it runs."""

from collections.abc import Callable
from typing import Any

Event = dict[str, Any]  # {"kind": "start", "progress", "evaluating", "row" or "end", ...}: plain numbers and strings
OnEvent = Callable[[str, Event], None]  # trial id, event
