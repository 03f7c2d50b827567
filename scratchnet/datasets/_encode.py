"""Write the packaged MNIST files from the four published ones.

For developers: ``python -m scratchnet.datasets._encode FOLDER``. The packaged files are made once and kept;
FOLDER holds the four IDX files, which must be the published ones. The bytes that xz writes may differ from
one version of it to the next; what they decode to may not.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from .._files import write_atomically
from ._codec import encode_images, encode_labels
from ._idx import idx_header, load_idx
from ._mnist import SHA256

_TARGET = Path(__file__).parent / "mnist"


def main(arguments: list[str]) -> str | None:
    """Encode the files in the folder given; return an error in words, or None."""
    if len(arguments) != 1:
        return "usage: python -m scratchnet.datasets._encode FOLDER"
    train, test = load_idx(arguments[0], normalize=False, flatten=False)
    for stem, (x, t) in (("train", train), ("t10k", test)):
        images = x[:, 0]
        for kind, array in (("images", images), ("labels", t)):
            name = f"{stem}-{kind}"
            if hashlib.sha256(idx_header(array.shape) + array.tobytes()).hexdigest() != SHA256[name]:
                return f"{name} in {arguments[0]} is not the published file"
            data = encode_images(array) if kind == "images" else encode_labels(array)
            write_atomically(_TARGET / f"{name}.xz", data)
            print(f"{name}.xz: {len(data):,} bytes for {array.nbytes:,}")
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
