"""Warnings, and notes on what was assumed."""

import logging
import warnings

#: Notes: what is done, and by what assumptions, one line each.
LOGGER = logging.getLogger("elbow")


class ElbowWarning(UserWarning):
    """Something legal that may mislead; the message has its cause and a remedy."""


def warn(line):
    """Warn whoever called the package."""
    warnings.warn(line, ElbowWarning, stacklevel=find_caller())


def find_caller():
    """The level of the first frame outside this package."""
    import sys

    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("elbow."):
        level, frame = level + 1, frame.f_back
    return level
