"""What of the vectors is not run, and why. An entry that is not needed fails its test.

`AWAITED` are functions that scratchnet.functional does not have yet: their vectors run from the day they
arrive, when their names must go from here.
"""

from __future__ import annotations

AWAITED: frozenset[str] = frozenset()

#: Vectors of layers that the functions cannot be asked, by reason.
SKIPPED: dict[str, tuple[str, ...]] = {}

#: Operators that are layers, or near to it, and have no function in torch.nn.functional.
WITHOUT_FUNCTION: dict[str, str] = {}

#: Layers with state over time: PyTorch has them in torch.nn alone. To be said there once scratchnet.nn has them.
RECURRENT = {"RNN": "RNN", "GRU": "GRU", "LSTM": "LSTM"}

#: Operators that are no layers.
OTHER: frozenset[str] = frozenset()
