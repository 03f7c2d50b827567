"""Arrays in files: what is written is read again, and what is damaged or no array of numbers is refused."""

import io
import json
import re
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from scratchnet import _safetensors as _safetensors_module
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


def _archive(content, method=zipfile.ZIP_STORED, again=False):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("w.npy", content)
        if again:  # np.load takes both names for "w"
            archive.writestr("w", content)
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
    "one name twice": (_archive(_npy(np.eye(2)), again=True), "stands there twice"),
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


# ---- .safetensors


def _file(header, data=b"", length=None):
    """Return a file's bytes; the header may be bytes, text or what JSON is made of."""
    if not isinstance(header, bytes):
        header = (header if isinstance(header, str) else json.dumps(header)).encode()
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def _entry(dtype="U8", shape=(4,), data_offsets=(0, 4), **more):
    return {"dtype": dtype, "shape": shape, "data_offsets": data_offsets, **more}


def _with(old, new, data=b"1234"):
    """Return a right file in whose header `old` stands as `new`."""
    header = json.dumps({"w": _entry()})
    assert old in header
    return _file(header.replace(old, new, 1), data)


def _two(a, b, data=b"1234"):
    return _file(
        {
            "a": _entry(shape=(a[1] - a[0],), data_offsets=a),
            "b": _entry(shape=(b[1] - b[0],), data_offsets=b),
        },
        data,
    )


RIGHT = _file({"w": _entry()}, b"1234")
HUGE = 2**40

MALFORMED = {
    "nothing": (b"", "8 bytes"),
    "seven bytes": (RIGHT[:7], "8 bytes"),
    "no header": (struct.pack("<Q", 0), "JSON"),
    "a header longer than the file": (_file("{}", length=3), "fit into the file"),
    "a header of 2**63 bytes": (_file("{}", length=2**63), "at most 100000000"),
    "a header of 2**64 - 1 bytes": (_file("{}", length=2**64 - 1), "at most 100000000"),
    "a header over the limit": (_file("{}", length=100_000_001), "at most 100000000"),
    "a header cut short": (_file(RIGHT[8:-5], RIGHT[-5:]), "JSON"),
    "a byte too many": (RIGHT + b"5", "must fill the 5 bytes"),
    "a byte too few": (RIGHT[:-1], "must fill the 3 bytes"),
    "bytes and no array": (_file({}, b"1"), "must fill the 1 bytes"),
    "a list": (_file([]), "begins with b'\\[\\]'"),
    "null": (_file("null"), "begins with"),
    "text": (_file('"w"'), "begins with"),
    "a byte order mark": (_file(b"\xef\xbb\xbf{}"), "begins with"),
    "bytes that are no UTF-8": (_file(b'{"\xff":1}'), "utf-8"),
    "half a surrogate pair in UTF-8": (_file(b'{"\xed\xa0\x80":1}'), "utf-8"),
    "half a surrogate pair in a name": (_with('"w"', '"\\ud800"'), "surrogates"),
    "half a surrogate pair elsewhere": (_with('"dtype"', '"more": ["\\udc00"], "dtype"'), "surrogates"),
    "a tab in a name": (_with('"w"', '"\t"'), "control character"),
    "a NUL after the header": (_with("}}", "}}\0"), "Extra data"),
    "a comma too many": (_with("}}", "},}"), "JSON"),
    "single quotes": (_with('"w"', "'w'"), "JSON"),
    "NaN": (_with('"dtype"', '"more": NaN, "dtype"'), "NaN is no number"),
    "infinity": (_with('"dtype"', '"more": -Infinity, "dtype"'), "-Infinity is no number"),
    "a float beyond the largest": (_with('"dtype"', '"more": 1e999, "dtype"'), "too large"),
    "an integer beyond the largest float": (_with('"dtype"', f'"more": {"9" * 400}, "dtype"'), "too large"),
    "126 lists in an entry": (_with('"dtype"', f'"more": {"[" * 126}{"]" * 126}, "dtype"'), "127 deep"),
    "a million lists": (_file('{"w":' + "[" * 1_000_000), "JSON"),
    "an array twice": (_file('{"w": 1, "w": 1}'), "'w' stands there twice"),
    "a field twice": (_with('"dtype"', '"dtype": "U8", "dtype"'), "'dtype' stands there twice"),
    "metadata twice": (_file('{"__metadata__": {}, "__metadata__": {}}'), "twice"),
    "metadata that is a list": (_file({"__metadata__": []}), "object of strings"),
    "metadata that is text": (_file({"__metadata__": "pt"}), "object of strings"),
    "a number in metadata": (_file({"__metadata__": {"epoch": 1}}), "object of strings"),
    "null in metadata": (_file({"__metadata__": {"epoch": None}}), "object of strings"),
    "an entry that is a number": (_file({"w": 4}), "must be an object.*key='w'.*entry=4"),
    "an entry that is null": (_file({"w": None}), "must be an object"),
    "no dtype": (_file({"w": {"shape": [0], "data_offsets": [0, 0]}}), r"key='w', missing=\['dtype'\]"),
    "no shape": (_file({"w": {"dtype": "U8", "data_offsets": [0, 0]}}), r"missing=\['shape'\]"),
    "no offsets": (_file({"w": {"dtype": "U8", "shape": [0]}}), r"missing=\['data_offsets'\]"),
    "an unknown dtype": (_with("U8", "F128"), "dtype must be one of .*key='w', dtype='F128'"),
    "a dtype in small letters": (_with("U8", "u8"), "dtype='u8'"),
    "a dtype that is a number": (_with('"U8"', "9"), "dtype=9"),
    "a shape that is a number": (_with("[4]", "4"), "shape must be a list.*key='w', shape=4"),
    "a shape that is null": (_with("[4]", "null"), "shape=None"),
    "a negative side": (_with("[4]", "[-4]"), r"shape=\[-4\]"),
    "two negative sides": (_with("[4]", "[-2, -2]"), r"shape=\[-2, -2\]"),
    "a bool for a side": (_with("[4]", "[4, true]"), r"shape=\[4, True\]"),
    "a float for a side": (_with("[4]", "[4.0]"), r"shape=\[4.0\]"),
    "a power for a side": (_with("[4]", "[4e0]"), r"shape=\[4.0\]"),
    "text for a side": (_with("[4]", '["4"]'), r"shape=\['4'\]"),
    "a side of 2**64": (_with("[4]", f"[0, {2**64}]", b""), "shape must be a list"),
    "sides whose product overflows to 4": (_with("[4]", f"[{2**62 + 1}, 4]"), "shape must be one"),
    "elements whose bytes overflow to 4": (
        _file({"w": _entry("F32", [2**62 + 1])}, b"1234"),
        "shape must be one",
    ),
    "sides too large beside 0": (_file({"w": _entry("U8", [2**32, 2**32, 0], [0, 0])}), "shape must be one"),
    "100 axes": (_file({"w": _entry("U8", [1] * 100, [0, 1])}, b"1"), "shape must be one"),
    "a million axes": (_file({"w": _entry("U8", [2] * 1_000_000, [0, 1])}, b"1"), "shape must be one"),
    "a shape that spans less": (_with("[4]", "[3]"), "ask for 3 bytes.*key='w'"),
    "a shape that spans more": (_with("[4]", "[5]"), "ask for 5 bytes"),
    "a dtype that spans more": (_with("U8", "U16"), "ask for 8 bytes"),
    "one offset": (_with("[0, 4]", "[0]"), r"two integers.*data_offsets=\[0\]"),
    "three offsets": (_with("[0, 4]", "[0, 4, 4]"), "two integers"),
    "offsets by name": (_with("[0, 4]", '{"begin": 0, "end": 4}'), "two integers"),
    "a negative offset": (_with("[0, 4]", "[-1, 3]"), r"data_offsets=\[-1, 3\]"),
    "minus zero": (_with("[0, 4]", "[-0, 4]"), "data_offsets"),
    "a bool for an offset": (_with("[0, 4]", "[false, 4]"), "data_offsets"),
    "a float for an offset": (_with("[0, 4]", "[0, 4.0]"), "data_offsets"),
    "offsets the wrong way round": (_with("[0, 4]", "[4, 0]"), "ask for 4 bytes"),
    "a hole before the first": (_file({"w": _entry("U8", [3], [1, 4])}, b"1234"), r"at 0 \(a hole\)"),
    "a hole between": (_two([0, 1], [2, 4]), r"at 1 \(a hole\).*key='b', data_offsets=\[2, 4\]"),
    "a hole at the end": (_two([0, 1], [1, 3]), "must fill the 4 bytes"),
    "an overlap": (_two([0, 3], [2, 4]), r"at 3 \(an overlap\).*key='b'"),
    "one inside another": (_two([0, 4], [1, 2]), "overlap"),
    "two of the same bytes": (_two([0, 4], [0, 4]), "overlap"),
    "none inside another": (_two([0, 4], [2, 2]), "overlap"),
    "one beyond the file": (_two([0, 4], [4, 8]), "must fill the 4 bytes.*key='b', end=8"),
    "more than any memory": (_file({"w": _entry("F32", [HUGE], [0, 4 * HUGE])}, b"1234"), "must fill"),
}  # fmt: skip

# What the safetensors package takes although its format's description rules it out.
ONLY_OURS = {
    "white space before the header": (_file(f" {RIGHT[8:-4].decode()}", b"1234"), "begins with"),
    "a name twice, the same": (_file(f"{RIGHT[8:-5].decode()}, {RIGHT[9:-4].decode()}", b"1234"), "twice"),
    "a name in metadata twice": (_file('{"__metadata__": {"a": "b", "a": "b"}}'), "twice"),
    "an entry that is a list": (_file({"w": ["U8", [4], [0, 4]]}, b"1234"), "must be an object"),
    "a dtype that is an object": (_with('"U8"', '{"U8": null}'), "dtype must be one of"),
    "8-bit floats": (_with("U8", "F8_E4M3"), "floats of 8 bits and fewer are not read.*dtype='F8_E4M3'"),
    "4-bit floats": (_file({"w": _entry("F4", [8])}, b"1234"), "floats of 8 bits and fewer"),
}

# What looks odd and is right.
TAKEN = {
    "no arrays": _file("{}"),
    "spaces after the header": _with("}}", "}}   "),
    "line ends in the header": _with("}}", "}\n\t\r}\n"),
    "a field that is not known": _with('"dtype"', '"more": [1.5, "a", null, true, {}], "dtype"'),
    "125 lists in an entry": _with('"dtype"', f'"more": {"[" * 125}{"]" * 125}, "dtype"'),
    "a number beyond 64 bits where none is asked for": _with('"dtype"', f'"more": -{2**70}, "dtype"'),
    "no metadata": _with('"w"', '"__metadata__": null, "w"'),
    "metadata": _with('"w"', '"__metadata__": {"format": "pt", "é": ""}, "w"'),
    "metadata last": _with("}}", '}, "__metadata__": {"format": "pt"}}'),
    "an empty name": _with('"w"', '""'),
    "a NUL in a name": _with('"w"', '"\\u0000"'),
    "a name in escapes": _with('"w"', '"\\ud83d\\ude00"'),
    "arrays in another order than their bytes": _two([2, 4], [0, 2]),
    "no bytes between": _file(
        {"a": _entry(shape=[2], data_offsets=[0, 2]), "b": _entry(shape=[2], data_offsets=[2, 4]),
         "none": _entry("F64", [3, 0], [2, 2])}, b"1234"
    ),
    "no bytes at the end": _two([4, 4], [0, 4]),
    "a side of 2**32 beside one of 0": _file({"w": _entry("U8", [0, 2**32], [0, 0])}),
    "32 axes": _file({"w": _entry("U8", [1] * 32, [0, 1])}, b"1"),
    "truth values beyond 1": _with("U8", "BOOL", b"\0\1\2\xff"),
}  # fmt: skip


def _safetensors():
    return pytest.importorskip("safetensors", reason="the oracle here is the safetensors package")


def _theirs(content):
    """Return the oracle's verdict: arrays by name, or the exception."""
    import safetensors.numpy

    try:
        return safetensors.numpy.load(content)
    except Exception as error:  # whatever it raises, NumPy's own among it
        return error


def _load(tmp_path, content):
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    return serialization.load(path)


def _same(found, expected):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert isinstance(found[name], np.ndarray)
        assert found[name].shape == array.shape
        assert found[name].dtype == array.dtype.newbyteorder("=")
        assert found[name].dtype.isnative
        assert found[name].flags.writeable
        assert found[name].flags.c_contiguous
        if array.dtype == np.bool_:
            np.testing.assert_array_equal(found[name].view(np.uint8), array.view(np.uint8) != 0)
        else:  # bit for bit: not-a-numbers too
            assert found[name].tobytes() == array.astype(array.dtype.newbyteorder("=")).tobytes()


@pytest.mark.parametrize("name", [*MALFORMED, *ONLY_OURS])
def test_a_malformed_safetensors_file_is_refused_naming_function_file_and_reason(tmp_path, name):
    content, words = {**MALFORMED, **ONLY_OURS}[name]
    with pytest.raises(ValueError, match=rf"(?s)^load: .*{words}") as caught:
        _load(tmp_path, content)
    assert type(caught.value) is ValueError
    assert "w.safetensors" in str(caught.value)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("name", MALFORMED)
def test_the_oracle_refuses_each_malformed_file_too(name):
    _safetensors()
    assert isinstance(_theirs(MALFORMED[name][0]), Exception)


@pytest.mark.parametrize("name", ONLY_OURS)
def test_the_oracle_takes_what_only_its_format_rules_out(name):
    safetensors = _safetensors()
    safetensors.deserialize(ONLY_OURS[name][0])


@pytest.mark.parametrize("name", TAKEN)
def test_an_odd_safetensors_file_is_read_as_the_oracle_reads_it(tmp_path, name):
    found = _load(tmp_path, TAKEN[name])
    _safetensors()
    _same(found, _theirs(TAKEN[name]))


DTYPES = ["f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "?", "c8"]
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=8).filter(
    lambda name: name != "__metadata__"
)


@st.composite
def _arrays(draw):
    """Draw an array of any of the dtypes in any layout and byte order."""
    dtype = np.dtype(draw(st.sampled_from(DTYPES))).newbyteorder(draw(st.sampled_from("<>")))
    array = draw(hnp.arrays(dtype, hnp.array_shapes(min_dims=0, min_side=0, max_dims=4, max_side=3)))
    layout = draw(
        st.sampled_from(["as it is", "transposed", "strided", "reversed", "broadcast", "read-only"])
    )
    if layout == "transposed":
        return array.T
    if layout == "strided" and array.ndim:
        return np.repeat(array, 2, axis=0)[::2]
    if layout == "reversed":
        return array[(slice(None, None, -1),) * array.ndim]
    if layout == "broadcast":
        return np.broadcast_to(array, (2, *array.shape))
    array.flags.writeable = layout != "read-only"
    return array


TENSORS = st.dictionaries(NAMES, _arrays(), max_size=4)


@given(TENSORS)
def test_any_arrays_come_back_from_safetensors_as_they_were(tmp_path_factory, arrays):
    path = tmp_path_factory.mktemp("saved") / "w.SafeTensors"
    before = {name: array.copy() for name, array in arrays.items()}
    serialization.save(path, arrays)
    _same(serialization.load(path), before)
    for name, array in arrays.items():
        assert array.tobytes() == before[name].tobytes()


@given(TENSORS)
def test_the_file_is_byte_for_byte_the_oracles_for_the_same_arrays(tmp_path_factory, arrays):
    _safetensors()
    import safetensors.numpy

    path = tmp_path_factory.mktemp("saved") / "w.safetensors"
    serialization.save(path, arrays)
    assert path.read_bytes() == safetensors.numpy.save(_plain(arrays))
    assert int.from_bytes(path.read_bytes()[:8], "little") % 8 == 0
    found = _theirs(path.read_bytes())
    assert found.keys() == arrays.keys()
    for name, array in _plain(arrays).items():
        assert (found[name].shape, found[name].dtype) == (array.shape, array.dtype)
        assert found[name].tobytes() == array.tobytes()


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@given(TENSORS, st.dictionaries(TEXT, TEXT, max_size=2))
def test_what_the_oracle_wrote_is_read_whatever_metadata_it_has(tmp_path_factory, arrays, metadata):
    _safetensors()
    import safetensors.numpy

    # With no arrays and no metadata but {} the package writes what it does not read.
    content = safetensors.numpy.save(_plain(arrays), metadata or None)
    _same(_load(tmp_path_factory.mktemp("theirs"), content), _plain(arrays))


def _plain(arrays):
    """Return native copies in C order: the oracle writes the memory of any other as it lies."""
    return {name: np.array(array, array.dtype.newbyteorder("="), order="C") for name, array in arrays.items()}


def _agrees_with_the_oracle(tmp_path, content):
    """Whatever it refuses we refuse; what it takes we read equal, or refuse for a reason that is ours."""
    import safetensors

    try:
        expected = safetensors.deserialize(content)
    except Exception:  # whatever it raises
        with pytest.raises(ValueError, match=r"^load: "):
            _load(tmp_path, content)
        event("both refuse")
        return
    try:
        found = _load(tmp_path, content)
    except ValueError as error:
        assert re.search(OUR_REASONS, str(error)), error  # noqa: PT017 - only if it is raised
        event("only ours refuses")
        return
    event("both read")
    assert found.keys() == {name for name, _ in expected}
    for name, view in expected:
        dtype = {"BF16": "u2", **STORED}[view["dtype"]]
        array = np.frombuffer(view["data"], np.dtype(dtype).newbyteorder("<")).reshape(view["shape"])
        if view["dtype"] == "BF16":
            array = np.left_shift(array, 16, dtype=np.uint32).view(np.float32)
        _same({name: found[name]}, {name: np.asarray(array)})


OUR_REASONS = (
    r"it begins with b['\"][ \\]|stands there twice|entry must be an object|floats of 8 bits|dtype=\{|"
    r"a NumPy array can have"
)
STORED = {
    "U64": "u8", "I64": "i8", "F64": "f8", "C64": "c8", "F32": "f4", "U32": "u4", "I32": "i4", "F16": "f2",
    "U16": "u2", "I16": "i2", "I8": "i1", "U8": "u1", "BOOL": "b1",
}  # fmt: skip

BYTES = st.one_of(st.sampled_from(list(b'0123456789[]{},:"-.eE \\tu')), st.integers(0, 255))


@st.composite
def _damaged(draw):
    """Draw a right file of two or three arrays and change a few bytes, mostly of its header."""
    arrays = draw(st.dictionaries(NAMES, _arrays(), min_size=1, max_size=3))
    content = bytearray(_safetensors_bytes(arrays))
    repaired = draw(st.booleans())
    end = 8 + int.from_bytes(content[:8], "little")
    body = len(content) - end
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(8, end - 1) | st.integers(0, max(len(content) - 1, 0)))
        kind = draw(st.sampled_from(["set", "insert", "delete", "copy", "cut"]))
        length = draw(st.integers(1, 12))
        if kind == "set":
            content[place : place + 1] = bytes([draw(BYTES)])
        elif kind == "insert":
            content[place:place] = bytes([draw(BYTES)])
        elif kind == "delete":
            del content[place : place + length]
        elif kind == "copy":
            content[place:place] = content[max(place - length, 0) : place]
        elif not draw(st.integers(0, 3)):
            del content[place:]
        end = max(min(end, len(content)), 9)
    if repaired and len(content) >= 8 + body:  # the header has taken what came or went
        content[:8] = struct.pack("<Q", len(content) - 8 - body)
    return bytes(content)


def _safetensors_bytes(arrays):
    return _safetensors_module.encode(arrays, "save")


@given(_damaged())
@settings(max_examples=250)
def test_whatever_bytes_of_a_safetensors_file_are_damaged_the_oracle_agrees(tmp_path_factory, content):
    _safetensors()
    _agrees_with_the_oracle(tmp_path_factory.getbasetemp(), content)


VALUES = st.recursive(
    st.sampled_from(
        [0, 1, 2, 3, 4, 8, -1, 1.0, True, False, None, "", "F32", "1", 2**31, 2**32, 2**63, 2**64]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)


@st.composite
def _headers(draw):
    """Draw a header of the right arrays in which a few values are something else, and any number of bytes."""
    header, end = {}, 0
    for name in draw(st.lists(NAMES, max_size=4, unique=True)):
        dtype = draw(st.sampled_from([*STORED, "BF16"]))
        shape = draw(st.lists(st.integers(0, 3), max_size=3))
        size = int(np.prod(shape)) * int(re.sub(r"\D", "", dtype) or 8) // 8
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + size]}
        end += size
    if draw(st.booleans()):
        header["__metadata__"] = draw(st.dictionaries(TEXT, TEXT, max_size=2) | VALUES)
    for entry in header.values():
        if isinstance(entry, dict) and entry and not draw(st.integers(0, 3)):
            field = draw(st.sampled_from(sorted(entry)))
            what = draw(st.sampled_from(["another", "gone", "within", "further", "more", "dtype"]))
            if what == "another":
                entry[field] = draw(VALUES)
            elif what == "gone":
                del entry[field]
            elif what == "within" and isinstance(entry[field], list) and entry[field]:
                entry[field][draw(st.integers(0, len(entry[field]) - 1))] = draw(VALUES)
            elif what == "further" and isinstance(entry.get("data_offsets"), list):
                entry["data_offsets"] = [
                    offset + draw(st.integers(-2, 2)) for offset in entry["data_offsets"]
                ]
            elif what == "more":
                entry["more"] = draw(VALUES)
            elif what == "dtype":
                entry["dtype"] = draw(st.sampled_from([*STORED, "BF16", "F8_E5M2", "F4", "F128"]))
    names = draw(st.permutations(list(header)))
    text = json.dumps({name: header[name] for name in names}, ensure_ascii=draw(st.booleans()))
    return _file(text, bytes(max(end + draw(st.sampled_from([0, 0, 0, 0, -1, 1, 8])), 0)))


@given(_headers())
@settings(max_examples=250)
def test_whatever_a_safetensors_header_says_the_oracle_agrees(tmp_path_factory, content):
    _safetensors()
    _agrees_with_the_oracle(tmp_path_factory.getbasetemp(), content)


def test_every_bfloat16_becomes_the_float32_of_its_value(tmp_path):
    patterns = np.arange(2**16, dtype="<u2")
    header = {"w": _entry("BF16", [2**15, 2], [0, 2**17]), "one": _entry("BF16", [], [2**17, 2**17 + 2])}
    found = _load(tmp_path, _file(header, patterns.tobytes() + b"\x80\x3f"))
    assert found["one"].dtype == np.float32
    assert found["one"].shape == ()
    assert found["one"].tolist() == 1.0
    sign, exponent, fraction = patterns >> 15, (patterns >> 7 & 255).astype(int), patterns & 127
    with np.errstate(over="ignore"):
        normal = np.ldexp(1 + fraction / 128, exponent - 127)
    value = np.where(exponent == 0, np.ldexp(fraction / 128, -126), normal)
    value = np.where(exponent == 255, np.where(fraction == 0, np.inf, np.nan), value) * np.where(sign, -1, 1)
    np.testing.assert_array_equal(found["w"].reshape(-1), value)
    torch = pytest.importorskip("torch", reason="a second oracle is torch.bfloat16")
    theirs = torch.frombuffer(bytearray(patterns.tobytes()), dtype=torch.bfloat16).float().numpy()
    np.testing.assert_array_equal(found["w"].reshape(-1), theirs)


def _peak(function):
    """Return the most memory that was in use at once."""
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["more than any memory", "a header over the limit", "100 axes"])
def test_nothing_is_allocated_for_a_file_that_asks_for_more_than_it_holds(tmp_path, name):
    def refused():
        with pytest.raises(ValueError, match="load: "):
            _load(tmp_path, MALFORMED[name][0])

    assert _peak(refused) < 2**20


def test_a_safetensors_file_is_read_into_its_arrays_alone(tmp_path):
    path = tmp_path / "w.safetensors"
    serialization.save(path, {"w": np.ones(2**20)})
    assert _peak(lambda: serialization.load(path)) < 1.1 * path.stat().st_size


def test_a_safetensors_file_that_shrinks_while_it_is_read_is_refused():
    class Shrinking(io.BytesIO):
        def readinto(self, _):
            return 0

    with pytest.raises(ValueError, match=r"load: the file became shorter .*key='w'"):
        _safetensors_module.decode(Shrinking(RIGHT), "w.safetensors", "load")


# ---- both formats

SUFFIXES = pytest.mark.parametrize("suffix", ["npz", "safetensors"])


@SUFFIXES
def test_cutting_a_file_anywhere_is_refused(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    serialization.save(path, {"w": np.arange(3.0), "b": np.arange(2)})
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=rf"^load: .*a\.{suffix}"):
            serialization.load(path)


@SUFFIXES
@pytest.mark.parametrize(
    ("arrays", "error", "words"),
    [
        ({"w": np.array(["text"])}, TypeError, "array of numbers; got key='w', value of shape"),
        ({"w": np.array([None])}, TypeError, "array of numbers; got key='w', value of shape"),
        ({"w": np.array("2026-01-01", "M8[D]")}, TypeError, "key='w', value of shape"),
        ({"w": np.zeros(2, [("a", "f4")])}, TypeError, "key='w', value of shape"),
        ({"w": [1.0, 2.0]}, TypeError, "use np.asarray.*key='w', type of value='list'"),
        ({"w": None}, TypeError, "key='w', type of value='NoneType'"),
        ({1: np.eye(2)}, TypeError, "every key must be a string; got key=1"),
        ({"\ud800": np.eye(2)}, ValueError, "UTF-8"),
        ({"function": np.array(["text"])}, TypeError, "key='function'"),
    ],
    ids=["text", "objects", "dates", "records", "list", "None", "number as key", "surrogate", "function"],
)
def test_what_is_no_array_of_numbers_is_refused_and_the_old_file_stays(
    tmp_path, suffix, arrays, error, words
):
    path = tmp_path / f"a.{suffix}"
    serialization.save(path, {"w": np.eye(2)})
    with pytest.raises(error, match=rf"^save: .*{words}"):
        serialization.save(path, {"first": np.eye(2), **arrays})
    np.testing.assert_array_equal(serialization.load(path)["w"], np.eye(2))
    assert list(tmp_path.iterdir()) == [path]


@SUFFIXES
def test_a_number_of_numpys_is_an_array_without_axes(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    serialization.save(path, {"w": np.float32(1.5), "n": np.int64(3)})
    found = serialization.load(path)
    assert [(array.shape, array.dtype.name) for array in (found["w"], found["n"])] == [
        ((), "float32"),
        ((), "int64"),
    ]
    assert (found["w"], found["n"]) == (1.5, 3)


@pytest.mark.parametrize("dtype", ["longdouble", "complex128", "clongdouble"])
def test_a_dtype_that_safetensors_lacks_is_refused(tmp_path, dtype):
    array = np.zeros(2, dtype)
    with pytest.raises(
        TypeError, match=r"save: every dtype must be one of .* in a \.safetensors file; got key='w'"
    ):
        serialization.save(tmp_path / "a.safetensors", {"w": array})
    serialization.save(tmp_path / "a.npz", {"w": array})
    assert serialization.load(tmp_path / "a.npz")["w"].dtype == dtype


def test_keys_that_a_format_has_no_room_for_are_refused(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"save: .*own use; got key='__metadata__'"):
        serialization.save(tmp_path / "a.safetensors", {"__metadata__": np.eye(2)})
    for name in ("a\0b", "a" * 70_000):
        with pytest.raises(ValueError, match=r"save: a key of an archive must be short and without NUL"):
            serialization.save(tmp_path / "a.npz", {name: np.eye(2)})
        serialization.save(tmp_path / "a.safetensors", {name: np.eye(2)})
    monkeypatch.setattr(_safetensors_module, "_MAX_HEADER", 60_000)
    with pytest.raises(
        ValueError, match=r"save: names and shapes must fit into 60000 bytes; got bytes=700\d\d"
    ):
        serialization.save(tmp_path / "b.safetensors", {name: np.eye(2)})
    assert not (tmp_path / "b.safetensors").exists()


@pytest.mark.parametrize("name", ["weights", "weights.pt", "weights.npz.bak", ".safetensors"])
def test_any_other_suffix_is_refused(tmp_path, name):
    for call in (serialization.load, lambda path: serialization.save(path, {})):
        with pytest.raises(ValueError, match=rf"must end in \.npz or \.safetensors; got file='.*{name}'"):
            call(tmp_path / name)
    assert not list(tmp_path.iterdir())


@SUFFIXES
def test_the_same_arrays_give_the_same_bytes_and_a_reader_finds_old_or_new(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    serialization.save(str(path), {"w": np.eye(2), "b": np.ones(3, np.float32)})
    before = path.read_bytes()
    inode = path.stat().st_ino
    serialization.save(path, {"w": np.eye(2), "b": np.ones(3, np.float32)})
    assert path.read_bytes() == before
    assert path.stat().st_ino != inode  # another file took the name


@SUFFIXES
def test_a_file_that_is_not_there_is_an_os_error(tmp_path, suffix):
    with pytest.raises(FileNotFoundError):
        serialization.load(tmp_path / f"none.{suffix}")
    with pytest.raises(FileNotFoundError, match="folder"):
        serialization.save(tmp_path / "folder" / f"a.{suffix}", {})
