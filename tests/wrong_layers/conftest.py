"""Makes the proof's modules, which both zoos share, importable."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "proof"))
