"""Arrays in files: what is written is read again, and what is damaged or no array of numbers is refused."""

import io
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from scratchnet import serialization


@given(
    st.dictionaries(
        st.text("abc.019_", min_size=1, max_size=8),
        hnp.arrays(
            st.sampled_from(["f4", "f8", "i8", "u1", "?", ">f4"]), hnp.array_shapes(min_dims=0, min_side=0)
        ),
        max_size=3,
    )
)
def test_any_arrays_come_back_as_they_were(tmp_path_factory, arrays):
    path = tmp_path_factory.mktemp("saved") / "arrays.npz"
    serialization.save(path, arrays)
    found = serialization.load(path)
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype.newbyteorder("=")
        assert found[name].flags.writeable
        np.testing.assert_array_equal(found[name], array)
    with np.load(path) as numpys:
        assert set(numpys.files) == set(arrays)


def test_an_archive_that_numpy_wrote_is_read(tmp_path):
    np.savez(tmp_path / "a.npz", w=np.eye(2))
    np.testing.assert_array_equal(serialization.load(tmp_path / "a.npz")["w"], np.eye(2))


def test_cutting_the_file_anywhere_is_refused_naming_the_file(tmp_path):
    path = tmp_path / "a.npz"
    serialization.save(path, {"w": np.arange(3.0)})
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"load: the file must be .*a\.npz"):
            serialization.load(path)


def _archive(content, method=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("w.npy", content)
    return buffer.getvalue()


def _npy(array, **options):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, **options)
    return buffer.getvalue()


BAD_FILES = {
    "pickled objects": (_archive(_npy(np.array([print], dtype=object), allow_pickle=True)), "numbers"),
    "compressed": (_archive(_npy(np.zeros(100)), zipfile.ZIP_DEFLATED), "compressed"),
    "a header that asks for more than is there": (
        _archive(_npy(np.zeros(3)).replace(b"(3,)", b"(9,)")),
        "has not",
    ),
    "no array": (_archive(b"hello"), "magic"),
    "no archive": (b"PK", "zip"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_refused_with_the_reason(tmp_path, name):
    content, word = BAD_FILES[name]
    path = tmp_path / "bad.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=word):
        serialization.load(path)


def test_what_is_no_array_of_numbers_is_refused_and_the_old_file_stays(tmp_path):
    path = tmp_path / "a.npz"
    serialization.save(path, {"w": np.eye(2)})
    with pytest.raises(TypeError, match=r"save: every value must be an array of numbers; got w"):
        serialization.save(path, {"w": np.array(["text"])})
    np.testing.assert_array_equal(serialization.load(path)["w"], np.eye(2))
