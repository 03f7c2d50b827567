"""Bad calls are refused, in words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..failure import Failure

if TYPE_CHECKING:
    from ..catalogue.protocol import Invalid
    from ..oracles.protocol import Runner

_NONE = re.compile(r"(\w+)=None")


def bad_call_is_refused(subject: Runner, bad: Invalid) -> None:
    """The call raises the exception it should, and the message says what of which argument is wrong."""
    try:
        if bad.cotangents is None:
            subject.forward(bad.case)
        else:
            subject.vjp(bad.case, bad.cotangents)
    except bad.error as error:
        text = str(error)
        missing = [word for word in bad.words if word not in text]
        name = bad.case.operation
        if not text.startswith((f"{name}: ", f"{name}'s pullback: ")):
            missing.insert(0, f"{name} in front")
        given = {**bad.case.arrays, **bad.case.options}
        if ": None" in text or any(given.get(told, 0) is not None for told in _NONE.findall(text)):
            missing.append("what it requires and got, but None")
        if missing:
            raise Failure(
                f"the message for {bad.why} does not say {', '.join(missing)}: {text}", bad.case
            ) from error
    except Exception as error:
        raise Failure(
            f"{bad.why} raises {type(error).__name__}, not {bad.error.__name__}: {error}", bad.case
        ) from error
    else:
        raise Failure(f"{bad.why} is not refused", bad.case, bad.cotangents or ())
