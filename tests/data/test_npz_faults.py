"""Each way in which a user's file can be wrong gives one line that names it."""

import io
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.data.npz import inspect_npz, load_npz
from workbench.errors import DatasetError


def sound(train: int = 12, test: int = 6, **changes: Any) -> dict[str, Any]:
    """Arrays of grey 5×4 images in 3 classes, with any of them replaced or (None) left out."""
    draw = np.random.default_rng(0)
    arrays: dict[str, Any] = {
        "x_train": draw.integers(0, 256, (train, 5, 4), dtype=np.uint8),
        "y_train": np.arange(train) % 3,
        "x_test": draw.integers(0, 256, (test, 5, 4), dtype=np.uint8),
        "y_test": np.arange(test) % 3,
    }
    arrays.update(changes)
    return {key: value for key, value in arrays.items() if value is not None}


def message(path: Path) -> str:
    """What inspecting and loading say, which must be the same single line."""
    with pytest.raises(DatasetError) as inspected:
        inspect_npz(path)
    with pytest.raises(DatasetError) as loaded:
        load_npz(path)
    assert str(inspected.value) == str(loaded.value)
    assert "\n" not in str(inspected.value)
    assert len(str(inspected.value)) < 400 + len(str(path))
    assert str(path) in str(inspected.value)
    return str(inspected.value)


def with_nan() -> np.ndarray:
    images = np.ones((12, 5, 4), np.float32)
    images[3, 2, 1] = np.nan
    images[7] = np.inf
    return images


IMAGES = np.zeros((12, 5, 4), np.uint8)
LABELS = np.arange(12) % 3
FAULTS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("missing key", {"y_test": None}, ["has no y_test", "x_train, y_train, x_test"]),
    ("missing keys", {"y_test": None, "x_test": None}, ["has no x_test and no y_test"]),
    ("flat images", {"x_train": IMAGES.reshape(12, 20)}, ["x_train", "(12, 20)", "reshape"]),
    ("rank 5", {"x_train": IMAGES.reshape(12, 5, 2, 2, 1)}, ["x_train", "(12, 5, 2, 2, 1)"]),
    ("scalar", {"x_train": np.float32(3)}, ["x_train", "has shape ()"]),
    ("no training images", {"x_train": IMAGES[:0]}, ["x_train", "no images"]),
    ("no test images", {"x_test": IMAGES[:0]}, ["x_test", "no images"]),
    ("no pixels", {"x_train": np.zeros((12, 0, 4))}, ["x_train", "0×4"]),
    ("large", {"x_train": np.zeros((1, 5000, 1), np.uint8)}, ["x_train", "5000×1", "4096"]),
    ("channels", {"x_train": np.zeros((12, 5, 4, 65), np.uint8)}, ["x_train", "65 channels"]),
    (
        "channels first",
        {"x_train": np.zeros((12, 3, 32, 32), np.uint8)},
        ["x_train", "channels first", "transpose(0, 2, 3, 1)"],
    ),
    ("two sizes", {"x_test": np.zeros((6, 4, 5), np.uint8)}, ["5×4×1", "4×5×1"]),
    ("NaN", {"x_train": with_nan()}, ["x_train", "21 pixels", "nan at [3, 2, 1]"]),
    (
        "NaN in Fortran order",
        {"x_train": np.asfortranarray(with_nan())},
        ["x_train", "21 pixels", "inf at [7, 0, 0]"],
    ),
    ("negative", {"x_train": IMAGES.astype(float) - 0.5}, ["x_train", "below 0", "-0.5"]),
    ("16 bits", {"x_test": np.full((6, 5, 4), 65535, np.uint16)}, ["x_test", "above 255", "65535"]),
    ("overshoot", {"x_train": np.full((12, 5, 4), 1.02)}, ["x_train", "1.02", "clip"]),
    (
        "two scales",
        {"x_train": np.ones((12, 5, 4)), "x_test": np.full((6, 5, 4), 200.0)},
        ["x_train holds pixels up to 1 and x_test up to 200", "both alike"],
    ),
    ("complex", {"x_train": IMAGES.astype(complex)}, ["x_train", "complex"]),
    ("long double", {"x_train": IMAGES.astype(np.longdouble)}, ["x_train", "float32"]),
    ("text", {"y_train": np.array(["cat"] * 12)}, ["y_train", "text"]),
    ("dates", {"y_train": LABELS.astype("M8[D]")}, ["y_train", "dates"]),
    ("records", {"y_train": np.zeros(12, [("a", "i4")])}, ["y_train", "records"]),
    ("objects", {"x_train": np.array([IMAGES] * 2, object)}, ["x_train", "Python objects"]),
    ("few labels", {"y_train": LABELS[:11]}, ["y_train", "11 labels for 12 images in x_train"]),
    ("label rank", {"y_train": LABELS.reshape(12, 1, 1)}, ["y_train", "(12, 1, 1)"]),
    ("negative label", {"y_train": LABELS - 1}, ["y_train", "label -1 at [0]"]),
    ("huge label", {"y_train": LABELS + 10_000}, ["y_train", "label 10000 at [0]", "9,999"]),
    ("uint64", {"y_train": LABELS.astype("u8") + 2**63}, ["y_train", "the label 9.22337e+18"]),
    ("fraction", {"y_train": LABELS + 0.5}, ["y_train", "0.5 at [0]", "whole number"]),
    ("NaN label", {"y_test": np.full(6, np.nan)}, ["y_test", "nan at [0]"]),
    ("one class", {"y_train": LABELS * 0, "y_test": np.zeros(6, int)}, ["y_train", "two classes"]),
    ("new class", {"y_test": np.full(6, 3)}, ["y_test", "label 3 at [0]", "0 to 2"]),
    ("probabilities", {"y_train": np.full((12, 3), 1 / 3)}, ["y_train", "not one-hot", "argmax"]),
    ("two ones", {"y_train": np.ones((12, 2), int)}, ["y_train", "row 0 is not one-hot"]),
    ("no columns", {"y_train": np.zeros((12, 0))}, ["y_train", "(12, 0)"]),
    ("wide one-hot", {"y_test": np.eye(6)}, ["y_test", "6 columns", "3 classes"]),
]


@pytest.mark.parametrize(("changes", "said"), [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS])
def test_wrong_arrays(changes: dict[str, Any], said: list[str], tmp_path: Path):
    path = tmp_path / "own.npz"
    np.savez_compressed(path, **sound(**changes))
    text = message(path)
    for words in said:
        assert words in text


def test_many_foreign_keys_are_not_all_listed(tmp_path: Path):
    path = tmp_path / "own.npz"
    np.savez(path, **{f"array_{n}": LABELS for n in range(50)}, **{"new\nline": LABELS})
    assert "array_0, array_1" in message(path) and "…" in message(path)


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"x_train,y_train\n1,2\n", "is not an .npz archive"),
        (_npy(IMAGES), "single .npy array"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
        (pickle.dumps({"x_train": 1}), "pickle"),
        (b"PK\x03\x04" + b"\0" * 100, "is cut short or damaged"),
    ],
)
def test_files_that_are_no_npz(content: bytes, said: str, tmp_path: Path):
    path = tmp_path / "own.npz"
    path.write_bytes(content)
    assert said in message(path)


def test_a_truncated_archive(tmp_path: Path):
    path = tmp_path / "own.npz"
    np.savez_compressed(path, **sound(train=500, test=100))
    content = path.read_bytes()
    for length in (10, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        assert "cut short" in message(path)


def test_a_changed_byte_of_the_pixels(tmp_path: Path):
    path = tmp_path / "own.npz"
    np.savez(path, **sound(train=500))
    content = bytearray(path.read_bytes())
    content[2000] ^= 1
    path.write_bytes(bytes(content))
    assert "x_train is damaged" in message(path)


def _with_member(path: Path, member: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for key, array in sound().items():
            archive.writestr(f"{key}.npy", member if key == "x_train" else _npy(array))
    return path


def test_a_header_that_promises_more_than_there_is(tmp_path: Path):
    real = _npy(np.zeros((12, 5, 4), np.uint8))
    lying = real.replace(b"(12, 5, 4)", b"(99, 5, 4)")
    assert "x_train is damaged" in message(_with_member(tmp_path / "own.npz", lying))


def test_a_member_that_is_no_array(tmp_path: Path):
    assert "x_train is not a NumPy array" in message(
        _with_member(tmp_path / "own.npz", b"hello, this is text and no array")
    )


class _Trap:
    """Unpickling it makes a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("key", ["x_train", "y_train", "x_test", "y_test", "extra"])
def test_nothing_is_ever_unpickled(key: str, tmp_path: Path):
    trap = tmp_path / "sprung"
    path = tmp_path / "own.npz"
    np.savez(path, **sound(**{key: np.array([_Trap(trap)] * 12, object)}))
    if key == "extra":  # what is not asked for is not read
        load_npz(path)
    else:
        assert f"{key} holds Python objects (a pickle)" in message(path)
    raw = tmp_path / "raw.npz"
    _with_member(raw, pickle.dumps(_Trap(trap)))
    assert "is not a NumPy array" in message(raw)
    assert not trap.exists()


def test_places_that_are_no_file(tmp_path: Path):
    assert "is a folder" in message(tmp_path)
    assert "there is no such file" in message(tmp_path / "none.npz")
    os.mkfifo(tmp_path / "fifo.npz")
    assert "is no regular file" in message(tmp_path / "fifo.npz")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file(tmp_path: Path):
    path = tmp_path / "own.npz"
    np.savez(path, **sound())
    path.chmod(0)
    assert "may not be read by you" in message(path)


def test_a_path_with_a_line_break_stays_one_line(tmp_path: Path):
    with pytest.raises(DatasetError) as caught:
        inspect_npz(tmp_path / "two\nlines.npz")
    assert "\n" not in str(caught.value)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    member=st.one_of(
        st.binary(max_size=200),
        st.text(max_size=100).map(
            lambda text: (
                b"\x93NUMPY\x01\x00" + len(text.encode()).to_bytes(2, "little") + text.encode()
            )
        ),
    )
)
def test_any_bytes_for_an_array_give_one_line(member: bytes, tmp_path: Path):
    message(_with_member(tmp_path / "own.npz", member))


def test_a_path_that_no_run_could_keep(tmp_path: Path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/a\xffb.npz"))
    np.savez(path, **sound())
    with pytest.raises(DatasetError, match=r"a\\udcffb\.npz: has a path that is no Unicode"):
        inspect_npz(path)
