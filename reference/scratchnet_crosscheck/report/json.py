"""The report as a JSON file, in a versioned schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .records import SCHEMA_VERSION


def document(results: Sequence[Mapping[str, Any]], run: Mapping[str, Any]) -> dict[str, Any]:
    """Return the whole document: the schema's version, how the run was made, and one record a result."""
    from scratchnet import __version__

    kept = [dict(r) for r in results]
    return {"schema_version": SCHEMA_VERSION, "version": __version__, **run, "results": kept}


def write(path: str, results: Sequence[Mapping[str, Any]], run: Mapping[str, Any]) -> None:
    """Write the results of a run to `path`, whole or not at all."""
    import json

    from scratchnet._files import write_atomically

    text = json.dumps(document(results, run), indent=1, allow_nan=False)
    write_atomically(path, f"{text}\n".encode())
