"""Drawings and pictures brought to MNIST's form."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from workbench.data.digits import (
    as_grey,
    fitted_to,
    is_dark_on_light,
    like_mnist,
    read_picture,
    without_ground,
)
from workbench.data.npz import TestImages, read_test_images
from workbench.errors import DatasetError


@pytest.fixture(scope="module")
def mnist() -> TestImages:
    return read_test_images(None, None)


def test_mnists_own_images_come_out_as_they_go_in(mnist: TestImages) -> None:
    for index in range(0, len(mnist), 7):
        image = mnist.pixels(index)
        assert np.array_equal(like_mnist(image), image), index


@pytest.mark.parametrize(("scale", "left", "top"), [(3, 0, 0), (5, 40, 7), (9, 3, 100)])
def test_size_and_place_on_the_paper_make_no_difference(
    mnist: TestImages, scale: int, left: int, top: int
) -> None:
    distances = []
    for index in range(50):
        image = mnist.pixels(index)
        paper = np.zeros((28 * scale + top, 28 * scale + left), np.uint8)
        paper[top:, left:] = np.kron(image, np.ones((scale, scale), np.uint8))
        distances.append(np.abs(like_mnist(paper).astype(float) - image).mean())
    assert np.mean(distances) < 3  # of 255


def test_a_long_stroke_keeps_its_aspect() -> None:
    paper = np.zeros((200, 200), np.uint8)
    paper[20:180, 95:105] = 255
    image = like_mnist(paper)
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    assert len(rows) == 20 and 1 <= len(columns) <= 2


def test_what_is_empty_stays_empty() -> None:
    assert not like_mnist(np.zeros((50, 60), np.uint8)).any()
    speck = np.zeros((5, 5), np.uint8)
    speck[2, 2] = 255
    assert like_mnist(speck).any()


def test_pictures_are_read_upright_and_on_white(tmp_path: Path) -> None:
    clear = Image.new("RGBA", (8, 6), (0, 0, 0, 0))
    clear.save(tmp_path / "clear.png")
    assert read_picture(tmp_path / "clear.png").tolist()[0][0] == [255, 255, 255]
    photograph = Image.new("L", (10, 20), 128)
    photograph.save(tmp_path / "turned.jpg", exif=_turned_by_90())
    assert read_picture(tmp_path / "turned.jpg").shape == (10, 20, 3)


def _turned_by_90() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n" + b"\0" * 50])
def test_what_is_no_image_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(content)
    with pytest.raises(DatasetError, match="cannot be read as an image"):
        read_picture(file)


def test_no_file_a_folder_and_too_many_pixels_are_said(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="there is no such file"):
        read_picture(tmp_path / "none.png")
    with pytest.raises(DatasetError, match="is no regular file"):
        read_picture(tmp_path)
    Image.new("1", (8_000, 8_000)).save(tmp_path / "large.png")
    with pytest.raises(DatasetError, match="are too many"):
        read_picture(tmp_path / "large.png")


def test_dark_on_light_is_found_out(mnist: TestImages) -> None:
    image = mnist.pixels(3)
    assert not is_dark_on_light(image)
    assert is_dark_on_light(255 - image)
    dim = (40 + image.astype(float) * 0.4).astype(np.uint8)  # a poor photograph
    cleaned = like_mnist(without_ground(dim))
    assert np.abs(cleaned.astype(float) - image).mean() < 3


def test_other_shapes_are_only_scaled() -> None:
    picture = np.zeros((50, 40, 3), np.uint8)
    picture[:, :, 0] = 255
    assert fitted_to(picture, (32, 32, 3)).shape == (32, 32, 3)
    grey = fitted_to(picture, (10, 8, 1))
    assert grey.shape == (10, 8, 1) and grey[5, 4, 0] == as_grey(picture)[0, 0] == 76
    with pytest.raises(DatasetError, match="7 channels"):
        fitted_to(picture, (10, 8, 7))
