"""Drawings kept with their labels, as a data set."""

from __future__ import annotations

import threading
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from workbench.data.digits import add_drawing
from workbench.data.npz import load_npz
from workbench.errors import DatasetError, EnvironmentProblem


def drawing(level: int) -> np.ndarray:
    return np.full((28, 28), level, np.uint8)


def test_drawings_become_a_data_set_that_can_be_trained_on(tmp_path: Path) -> None:
    file = tmp_path / "drawings.npz"
    counts = [add_drawing(file, drawing(20 * number + 55), number % 3) for number in range(8)]
    assert counts[0] == (1, 0) and counts[1] == (1, 1) and counts[-1] == (6, 2)
    found = load_npz(file)
    assert found.x_train.shape == (6, 28, 28, 1) and found.x_test.shape == (2, 28, 28, 1)
    assert found.y_train.tolist() == [0, 2, 0, 1, 2, 1]
    assert found.y_test.tolist() == [1, 0]
    assert found.x_test[0, 0, 0, 0] == 75
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".lock"] == [file.name]


def test_two_windows_lose_nothing(tmp_path: Path) -> None:
    file = tmp_path / "drawings.npz"

    def draw() -> None:
        for _ in range(10):
            add_drawing(file, drawing(255), 1)

    threads = [threading.Thread(target=draw) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(add_drawing(file, drawing(255), 1)) == 31


def test_another_file_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "drawings.npz"
    no_arrays = BytesIO()
    with zipfile.ZipFile(no_arrays, "w") as archive:
        for key in ("x_train", "y_train", "x_test", "y_test"):
            archive.writestr(f"{key}.npy", b"no array")
    for content in (b"", b"PK damaged", no_arrays.getvalue()):
        file.write_bytes(content)
        with pytest.raises(DatasetError, match="damaged"):
            add_drawing(file, drawing(255), 1)
        assert file.read_bytes() == content
    images, labels = np.zeros((2, 32, 32, 3), np.uint8), np.zeros(2, np.uint8)
    np.savez(file, x_train=images, y_train=labels, x_test=images, y_test=labels)
    with pytest.raises(DatasetError, match="holds other images"):
        add_drawing(file, drawing(255), 1)


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentProblem, match="not kept"):
        add_drawing(tmp_path / "file" / "drawings.npz", drawing(255), 1)
