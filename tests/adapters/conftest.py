import sys
from pathlib import Path

import pytest

pytest.importorskip("hypothesis", reason="the cross-check suite draws its cases with Hypothesis")

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT / "reference") not in sys.path:
    sys.path.append(str(ROOT / "reference"))
