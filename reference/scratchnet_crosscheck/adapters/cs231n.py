"""Function pairs in CS231n's convention, with a cache and parameter dictionaries."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from . import names as called
from .functions import PairDriver
from .protocol import Candidate

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Endings after the pair's own: one forward may have several backward passes.
_ENDINGS = ("", "_naive", "_alt", "_fast", "_im2col", "_strides", "_vectorized", "_loops", "_v2")


def recognises(names: Mapping[str, Any], like: Mapping[str, str]) -> list[Candidate]:
    """Return the pairs: by the forward's name, and by the backward's where a forward has another one."""
    found = []
    for name, thing in names.items():
        if not inspect.isfunction(thing):
            continue
        for ending, other in called.PAIRS:
            stem = _stem(name, ending)
            if stem is None:
                continue
            backwards = _backwards(name, ending, other, names)
            if not backwards:
                continue
            kind = like.get(name) or like.get(stem) or called.operation(stem)
            if kind is None:
                continue
            for first, backward in enumerate(backwards):
                found.append(
                    Candidate(
                        name if not first else backward, (kind,),
                        lambda k, f=thing, b=names[backward]: PairDriver(f, b, k),  # type: ignore[misc]  # bound in the loop
                        "forward/backward pair", others=tuple(backwards[:1]) if not first else (),
                    )
                )  # fmt: skip
            break
    return found


def _stem(name: str, ending: str) -> str | None:
    for after in sorted(_ENDINGS, key=len, reverse=True):
        if name.endswith(ending + after):
            return name[: len(name) - len(ending + after)]
    return None


def _backwards(name: str, ending: str, other: str, names: Mapping[str, Any]) -> list[str]:
    at = name.rindex(ending)
    stem, after = name[:at], name[at + len(ending) :]
    wanted = [stem + other + after, *(stem + other + e for e in _ENDINGS)]
    return [
        w for w in dict.fromkeys(wanted) if inspect.isfunction(names.get(w)) and (w == wanted[0] or not after)
    ]
