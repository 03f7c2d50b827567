"""Explanations of a failing case, the most specific first.

A module of this package offers ``DIAGNOSES``, a tuple of functions in the order in which they are believed.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

from .protocol import Diagnosis as Diagnosis
from .protocol import Evidence as Evidence

if TYPE_CHECKING:
    from collections.abc import Sequence


def explain(evidence: Evidence, most: int = 3) -> list[tuple[str, str]]:
    """Return the explanations that fit, as key and words, most specific first.

    An explanation that raises does not fit.
    """
    found: list[tuple[str, str]] = []
    for diagnosis in _diagnoses():
        try:
            said = diagnosis(evidence)
        except Exception:  # what is explained is broken: so may be every way of running it again
            continue
        if said is not None and said[0] not in {key for key, _ in found}:
            found.append(said)
    return found[:most]


def _diagnoses() -> Sequence[Diagnosis]:
    found: list[Diagnosis] = []
    for module in sorted(m.name for m in pkgutil.iter_modules(__path__)):
        if module != "protocol":
            found += getattr(importlib.import_module(f".{module}", __name__), "DIAGNOSES", ())
    return found
