"""Parameter files: what is saved is read back bit for bit, the book's pickles too, and nothing hostile is."""

from __future__ import annotations

import collections
import io
import os
import pickle
import pickletools
import struct
import subprocess
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from scratchnet.book._params_file import load_params, save_params
from scratchnet.book._unpickle import RefusedError, read_arrays

arrays = hnp.arrays(
    dtype=st.one_of(
        hnp.floating_dtypes(endianness="?"), hnp.integer_dtypes(endianness="?"), hnp.boolean_dtypes()
    ),
    shape=hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
)
layouts = st.sampled_from(
    [np.ascontiguousarray, np.asfortranarray, np.transpose, lambda a: a[..., ::2] if a.ndim else a]
)
quick = settings(max_examples=100, deadline=None)


def assert_same(found, expected):
    assert list(found) == list(expected)
    for key, array in expected.items():
        assert found[key].shape == np.shape(array)
        assert found[key].dtype == array.dtype.newbyteorder("=")
        assert found[key].flags.writeable
        np.testing.assert_array_equal(found[key], array)


# ------------------------------------------------------------------------------------------ what is read


@quick
@given(params=st.dictionaries(st.sampled_from(["W1", "b1", "file", "ü/.."]), arrays), layout=layouts)
def test_saved_parameters_are_read_back_bit_for_bit(tmp_path_factory, params, layout):
    params = {key: layout(array) for key, array in params.items()}
    file = tmp_path_factory.mktemp("params") / "params.pkl"
    save_params(params, file)
    assert_same(load_params(file), params)
    assert [path.name for path in file.parent.iterdir()] == ["params.pkl"]


@quick
@given(
    params=st.dictionaries(st.text(max_size=3), arrays),
    layout=layouts,
    protocol=st.integers(0, pickle.HIGHEST_PROTOCOL),
    ordered=st.booleans(),
)
def test_pickled_parameters_of_every_protocol_are_read(params, layout, protocol, ordered):
    params = {key: layout(array) for key, array in params.items()}
    data = pickle.dumps(collections.OrderedDict(params) if ordered else params, protocol)
    assert_same(read_arrays(data), params)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_numpy_numbers_and_plain_ones_are_read_as_arrays(protocol):
    found = read_arrays(pickle.dumps({"a": np.float32(1.5), "b": 2, "c": 0.25}, protocol))
    assert {key: (value.tolist(), value.shape) for key, value in found.items()} == {
        "a": (1.5, ()),
        "b": (2.0, ()),
        "c": (0.25, ()),
    }


def test_pickles_of_numpy_1_are_read():
    # Written down by hand: NumPy 1 says numpy.core, and Python 2 writes names and data as byte strings.
    data = b"".join([
        b"\x80\x02}U\x02W1cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R",
        b"(K\x01K\x02\x85cnumpy\ndtype\nU\x02f4K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xff",
        b"K\x00tb\x89U\x08" + struct.pack("<2f", 1.5, -200.0) + b"tbs.",
    ])  # fmt: skip
    found = read_arrays(data)
    assert found["W1"].tolist() == [1.5, -200.0]
    assert found["W1"].dtype == np.float32


def test_the_same_parameters_make_the_same_file(tmp_path):
    for name in ("a", "b"):
        save_params({"W1": np.arange(3.0)}, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_numpy_itself_reads_the_file(tmp_path):
    save_params({"W1": np.arange(3.0)}, tmp_path / "params.npz")
    with np.load(tmp_path / "params.npz", allow_pickle=False) as archive:
        assert archive["W1"].tolist() == [0.0, 1.0, 2.0]


def test_a_missing_file_and_an_unwritable_folder_are_os_errors(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_params(tmp_path / "nothing")
    with pytest.raises(OSError, match="nowhere"):
        save_params({"W1": np.ones(1)}, tmp_path / "nowhere" / "params.pkl")


def test_what_is_no_number_is_not_saved(tmp_path):
    for value in (np.array([None]), np.array(["a"]), np.zeros(1, "f4,f4")):
        with pytest.raises(TypeError, match=r"save_params: .* numbers; got key='W1'"):
            save_params({"W1": value}, tmp_path / "params.pkl")
    assert list(tmp_path.iterdir()) == []


# --------------------------------------------------------------------------------------- what is refused


class Reduced:
    """Pickles as a call."""

    def __init__(self, *how):
        self.how = how

    def __reduce__(self):
        return self.how


class Plain:
    pass


class Persistent(pickle.Pickler):
    def persistent_id(self, thing):
        return "id" if thing == "me" else None


def persistent():
    buffer = io.BytesIO()
    Persistent(buffer, 2).dump({"W1": "me"})
    return buffer.getvalue()


def around(value: bytes) -> bytes:
    """A pickled dict whose one value is what these opcodes leave."""
    return b"\x80\x04}\x8c\x02W1" + value + b"s."


DTYPE_F8 = b"cnumpy\ndtype\n\x8c\x02f8\x85R"
EMPTY_ARRAY = b"cnumpy._core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R"
NESTED = b")" + b"\x85" * 200_000

HOSTILE = {
    "a call of os.system": (pickle.dumps({"W1": Reduced(os.system, ("true",))}), r"(posix|nt)\.system"),
    "the same in protocol 0": (b"(dVW1\ncos\nsystem\n(Vtrue\ntRs.", r"os\.system"),
    "a call of eval": (around(b"cbuiltins\neval\n\x8c\x011\x85R"), r"builtins\.eval"),
    "a nested attribute": (around(b"\x8c\x05numpy\x8c\x0dndarray.dumps\x93"), r"numpy\.ndarray\.dumps"),
    "subprocess.Popen": (pickle.dumps({"W1": Reduced(subprocess.Popen, ("true",))}), r"subprocess\.Popen"),
    "an instance": (pickle.dumps({"W1": Plain()}), "Plain"),
    "an old-style instance": (around(b"(ibuiltins\nobject\n"), "opcode INST"),
    "an instance by OBJ": (around(b"(cnumpy\nndarray\no"), "opcode OBJ"),
    "an instance by NEWOBJ": (around(b"cnumpy\nndarray\n)\x81"), "opcode NEWOBJ"),
    "an extension object": (around(b"\x82\x01"), "opcode EXT1"),
    "a persistent id": (persistent(), "opcode BINPERSID"),
    "an object array": (pickle.dumps({"W1": np.array([[1], None], object)}), "dtype 'O8'"),
    "an array of strings": (pickle.dumps({"W1": np.array(["a"])}), "dtype 'U1'"),
    "a structured array": (pickle.dumps({"W1": np.zeros(1, "f4,i4")}), "dtype 'V8'"),
    "an array subclass": (pickle.dumps({"W1": np.ma.masked_array([1.0])}), r"numpy\.ma"),
    "fields set on a plain dtype": (
        around(DTYPE_F8 + b"(K\x03\x8c\x01<N(\x8c\x01at}K\x08K\x08K\x00tb"),
        "structured dtype",
    ),
    "numpy.ndarray called": (around(b"cnumpy\nndarray\nJ\xff\xff\xff\x7f\x85\x85R"), "ndarray called"),
    "numpy.dtype called with O": (around(b"cnumpy\ndtype\n\x8c\x01O\x85R"), "dtype 'O'"),
    "another codec": (around(b"c_codecs\nencode\n\x8c\x01a\x8c\x05rot13\x86R"), "encode called"),
    "the state of a function": (around(b"cnumpy\ndtype\n}b"), "dict in place of a tuple"),
    "the state of a dict": (around(b"}K\x01\x85b"), "the state of dict"),
    "an array without content": (around(EMPTY_ARRAY), "Slot as W1"),
    "a dtype as value": (around(DTYPE_F8), "DType as W1"),
    "a function as value": (around(b"cnumpy\ndtype\n"), "Global as W1"),
    "a list as value": (pickle.dumps({"W1": [1.0]}), "list as W1"),
    "a set": (pickle.dumps({"W1": {1}}), "opcode EMPTY_SET"),
    "no dict": (pickle.dumps([np.ones(1)]), "a list in place of a dict"),
    "names that are numbers": (pickle.dumps({1: np.ones(1)}), "the name 1"),
    "a tuple nested too deep to hash, as key": (b"\x80\x04}" + NESTED + b"K\x01s.", "key of type tuple"),
    "a dict nested very deep": (around(b"]" * 100_000 + b"a" * 99_999), "list as W1"),
    "more bytes than the file has, by repetition": (
        around(
            b"C\xff" + b"\0" * 255 + b"\x940"[:1]
            + b"".join(
                b"cnumpy._core.multiarray\nscalar\n"[:0] + EMPTY_ARRAY
                + b"(K\x01K\xff\x85cnumpy\ndtype\n\x8c\x02u1\x85R\x89h\x00tb" for _ in range(40)
            )
        ),
        "arrays larger than the file",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_pickle_is_refused_by_name(name, tmp_path):
    data, words = HOSTILE[name]
    file = tmp_path / "params.pkl"
    file.write_bytes(data)
    with pytest.raises(ValueError, match=rf"load_params: .*params\.pkl.*{words}"):
        load_params(file)


DAMAGED = {
    "a length beyond the file": around(b"\x8e" + struct.pack("<Q", 2**62) + b"x"),
    "a byte array beyond the file": around(b"\x96" + struct.pack("<Q", 2**62) + b"x"),
    "a shape beyond the content": around(
        EMPTY_ARRAY + b"(K\x01\x8a\x06" + (10**12).to_bytes(6, "little") + b"\x85" + DTYPE_F8 + b"\x89C\x08"
        + b"\0" * 8 + b"tb"
    ),
    "cut off": pickle.dumps({"W1": np.ones(9)})[:-30],
    "an entry of the memo that is not there": around(b"h\x07"),
    "nothing on the stack": b"\x80\x04.",
    "a mark that is not there": b"\x80\x04t.",
    "an unknown opcode": b"\x80\x04\xff.",
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_pickle_is_refused(name, tmp_path):
    file = tmp_path / "params.pkl"
    file.write_bytes(DAMAGED[name])
    with pytest.raises(ValueError, match=r"load_params: the file must be an undamaged pickle .*params\.pkl"):
        load_params(file)


def test_a_large_memo_number_takes_no_memory(tmp_path):
    file = tmp_path / "params.pkl"
    file.write_bytes(b"\x80\x04}r\xff\xff\xff\x7f.")  # Python's own machine would ask for 16 GB here
    assert load_params(file) == {}


@quick
@given(data=st.data())
def test_a_changed_pickle_gives_arrays_or_a_refusal(tmp_path_factory, data):
    params = {"W1": np.arange(6.0).reshape(2, 3), "b1": np.zeros(2, np.float32)}
    good = bytearray(pickle.dumps(params, data.draw(st.integers(0, pickle.HIGHEST_PROTOCOL))))
    for _ in range(data.draw(st.integers(1, 4))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    file = tmp_path_factory.mktemp("changed") / "params.pkl"
    file.write_bytes(good)
    try:
        found = load_params(file)
    except ValueError:
        return
    assert all(type(value) is np.ndarray and value.dtype.kind in "biufc" for value in found.values())


opcodes = st.sampled_from([opcode.code.encode("latin1") for opcode in pickletools.opcodes])


@quick
@given(st.lists(st.one_of(opcodes, st.binary(max_size=4)), max_size=30).map(b"".join))
def test_random_opcodes_give_arrays_or_a_refusal(body):
    try:
        found = read_arrays(b"\x80\x04" + body + b".")
    except Exception:  # whatever a damaged pickle makes go wrong; load_params words it
        return
    assert all(type(value) is np.ndarray for value in found.values())


# ----------------------------------------------------------------------------------------------- archives


def archive(*members, compression=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        for name, content in members:
            file.writestr(name, content)
    return buffer.getvalue()


def overlapping():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("W1.npy", GOOD)
        file.filelist.extend(file.filelist * 999)  # a thousand entries for one content
    return buffer.getvalue()


def npy(header: str, content: bytes = b"") -> bytes:
    text = header.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + content


GOOD = npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }", b"\0" * 8)
ARCHIVES = {
    "a shape beyond the content": archive(
        ("W1.npy", npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }", b"\0" * 8))
    ),
    "an object array": archive(
        ("W1.npy", npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", b"x"))
    ),
    "code in the header": archive(("W1.npy", npy("__import__('os').abort()"))),
    "a compressed member": archive(("W1.npy", GOOD + b"\0" * 9999), compression=zipfile.ZIP_DEFLATED),
    "cut off": archive(("W1.npy", GOOD))[:-9],
    "a wrong check sum": archive(("W1.npy", GOOD)).replace(b"\0" * 8, b"\0" * 7 + b"\1", 1),
    "another version": archive(("W1.npy", GOOD.replace(b"\x01\x00", b"\x09\x00", 1))),
    "entries that overlap": overlapping(),
    "no .npy": archive(("W1.npy", b"hello")),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_hostile_or_damaged_archive_is_refused(name, tmp_path):
    file = tmp_path / "params.pkl"
    file.write_bytes(ARCHIVES[name])
    with pytest.raises(ValueError, match=r"load_params: the file must be an undamaged .npz .*params\.pkl"):
        load_params(file)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n", b"\x1f\x8b\x08"])
def test_a_file_of_another_kind_is_refused(content, tmp_path):
    file = tmp_path / "params.pkl"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"load_params: the file must hold parameters.*params\.pkl"):
        load_params(file)


def test_the_refusal_is_an_error_of_its_own():
    with pytest.raises(RefusedError, match=r"builtins\.print"):
        read_arrays(pickle.dumps({"W1": print}))
