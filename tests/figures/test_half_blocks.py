import numpy as np

from workbench.figures.images import ascii_lines, fitted, half_block_lines


def test_one_cell_shows_two_pixels_above_each_other():
    lines = half_block_lines(np.array([[[10, 0, 0], [0, 20, 0]], [[0, 0, 30]] * 2], np.uint8))
    assert len(lines) == 1
    segment = lines[0][0]
    assert segment.text == "▀"
    assert segment.style.color.triplet == (10, 0, 0)
    assert segment.style.bgcolor.triplet == (0, 0, 30)


def test_greys_are_those_of_every_terminal():
    line = half_block_lines(np.array([[0, 127, 255], [0, 0, 250]], np.uint8))[0]
    assert [segment.text for segment in line] == [" ", "▀", " "]
    assert [part.style.bgcolor.number for part in line] == [16, 16, 231]
    assert line[1].style.color.number == 242


def test_equal_neighbours_are_one_run_and_an_odd_line_is_filled_up():
    lines = half_block_lines(np.full((3, 6, 3), 7, np.uint8))
    assert [[segment.text for segment in line] for line in lines] == [[" " * 6], ["▀" * 6]]
    assert lines[1][0].style.bgcolor.triplet == (0, 0, 0)


def test_a_large_image_is_averaged_into_the_place_there_is():
    image = np.zeros((100, 200), np.uint8)
    image[:, 100:] = 200
    small = fitted(image, 40, 30)
    assert small.shape == (20, 40)
    assert small[0, 0] == 0 and small[0, -1] == 200
    assert fitted(image, 200, 50) is image
    assert fitted(np.zeros((300, 300, 3), np.uint8), 28, 14).shape == (28, 28, 3)


def test_letters_stand_in_for_colours():
    image = np.array([[0, 255], [0, 255], [0, 128], [0, 128]], np.uint8)
    assert ascii_lines(image) == [" @", " +"]


def test_a_run_is_drawn_by_the_half_that_changes_fewer_colours():
    line = half_block_lines(np.array([[0, 255, 255], [255, 0, 255]], np.uint8))[0]
    assert [segment.text for segment in line] == ["▀", "▄", " "]
    first, second, blank = (segment.style for segment in line)
    assert first == second and first.color != first.bgcolor
    assert blank.color is None and blank.bgcolor == first.bgcolor
