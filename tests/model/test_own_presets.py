"""The user's own presets: kept, found, refused, and their faults in one sentence."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter

from workbench.errors import PresetError
from workbench.model.architecture import Architecture
from workbench.model.hyperparameters import EarlyStopping, ReduceOnPlateau, TrainingSettings
from workbench.model.layers import Layer
from workbench.model.preset import find_preset, own_presets, paper_presets, preset_toml, save_preset
from workbench.settings import Home

GOOD = """\
title = "Mine"

[architecture]

[[architecture.layers]]
kind = "Conv2D"
filters = 4
kernel_size = 3

[[architecture.layers]]
kind = "Flatten"

[[architecture.layers]]
kind = "Dense"
units = 10
activation = "softmax"
"""


@pytest.fixture
def home(tmp_path) -> Home:
    return Home(tmp_path / "home").ensure()


def write(home: Home, name: str, text: str) -> None:
    (home.presets / f"{name}.toml").write_text(text, encoding="utf-8")


def fault(home: Home, text: str) -> str:
    write(home, "mine", text)
    with pytest.raises(PresetError) as caught:
        find_preset("mine", home)
    message = str(caught.value)
    assert "mine.toml" in message
    assert "\n" not in message
    return message


def test_no_folder_yet(tmp_path) -> None:
    assert own_presets(Home(tmp_path / "none")) == ([], [])


def test_found_by_name_and_by_path(home) -> None:
    write(home, "mine", GOOD)
    preset = find_preset("mine", home)
    assert preset.title == "Mine"
    assert preset.architecture.layers[0].kernel_size == (3, 3)
    assert find_preset(str(home.presets / "mine.toml"), home) == preset
    assert own_presets(home) == ([preset], [])


def test_save_and_read_back(home) -> None:
    preset = paper_presets()[7].model_copy(update={"name": "mine", "title": 'Mine "2" \\ ü\t\x7f'})
    path = save_preset(preset, home)
    assert path.stat().st_mode & 0o777 == 0o600
    again = find_preset("mine", home)
    assert again == preset.model_copy(update={"part": "own", "paper": None})
    with pytest.raises(PresetError, match="exists already"):
        save_preset(preset, home)
    save_preset(preset.model_copy(update={"title": "Newer"}), home, overwrite=True)
    assert find_preset("mine", home).title == "Newer"
    assert [path.name for path in home.presets.iterdir()] == ["mine.toml"]


COMMENTED = """# my own net
title = "Mine"   # as in the talk

[architecture]  # small
input_shape = [28, 28, 1]
classes = 10
# nothing is scaled
[[architecture.layers]]
kind = "Flatten"

# the one that matters
[[architecture.layers]]
kind = "Dense"
units = 32  # 64 gains nothing
use_bias = true  # said aloud

[[architecture.layers]]
kind = "Dense"
units = 10
activation = "softmax"

[training]
batch_size = 60
epochs = 5
[training.optimizer]
learning_rate = 1e-2  # found by hand
kind = "sgd"
"""


def test_comments_stay_when_a_preset_is_saved_over(home) -> None:
    write(home, "mine", COMMENTED)
    preset = find_preset("mine", home)
    path = save_preset(preset, home, overwrite=True)
    assert path.read_text() == COMMENTED  # nothing has changed
    flatten, dense, last = preset.architecture.layers
    wider = dense.model_copy(update={"units": 48})
    dropout = TypeAdapter(Layer).validate_python({"kind": "Dropout", "rate": 0.5})
    architecture = Architecture(layers=(flatten, wider, dropout, last))
    training = preset.training.model_copy(update={"epochs": 7})
    changed = preset.model_copy(update={"architecture": architecture, "training": training})
    save_preset(changed, home, overwrite=True)
    assert find_preset("mine", home) == changed
    new = '[[architecture.layers]]\nkind = "Dropout"\nrate = 0.5\n\n'
    expected = COMMENTED.replace("units = 32", "units = 48").replace("epochs = 5", "epochs = 7")
    at = expected.rindex("[[architecture.layers]]")
    assert path.read_text() == expected[:at] + new + expected[at:]


def test_another_optimizer_in_a_commented_preset(home) -> None:
    write(home, "mine", COMMENTED)
    preset = find_preset("mine", home)
    adam = TrainingSettings.model_validate({"optimizer": {"kind": "adam"}}).optimizer
    training = preset.training.model_copy(update={"optimizer": adam})
    changed = preset.model_copy(update={"training": training})
    path = save_preset(changed, home, overwrite=True)
    assert find_preset("mine", home) == changed
    assert "# found by hand" in path.read_text() and "# the one that matters" in path.read_text()


@pytest.mark.parametrize("text", ["title = ", "\x00", 'title = "no architecture"\n# gone'])
def test_a_damaged_preset_is_written_anew(home, text) -> None:
    write(home, "mine", text)
    preset = paper_presets()[3].model_copy(update={"name": "mine"})
    path = save_preset(preset, home, overwrite=True)
    assert path.read_text() == preset_toml(find_preset("mine", home))


def test_the_other_shipped_preset_cannot_be_shadowed(home) -> None:
    with pytest.raises(PresetError, match="'speedrun' is shipped with the program"):
        save_preset(paper_presets()[0].model_copy(update={"name": "speedrun"}), home)
    assert find_preset("speedrun", home).part == "speed"


def test_paper_presets_cannot_be_shadowed(home) -> None:
    with pytest.raises(PresetError, match="model of the paper"):
        save_preset(paper_presets()[0], home)
    write(home, "nn-1", GOOD)
    assert find_preset("nn-1", home) == paper_presets()[0]
    write(home, "other", f'name = "nn-1"\n{GOOD}')
    presets, errors = own_presets(home)
    assert presets == []
    assert len(errors) == 2
    assert all("model of the paper" in str(error) for error in errors)
    with pytest.raises(PresetError, match="model of the paper"):
        find_preset(str(home.presets / "other.toml"), home)


def test_a_copy_of_a_paper_preset_is_taken_by_path(home, tmp_path) -> None:
    path = tmp_path / "copy.toml"
    path.write_text(preset_toml(paper_presets()[0]), encoding="utf-8")
    assert find_preset(str(path), home) == paper_presets()[0]


def test_one_bad_file_does_not_hide_the_others(home) -> None:
    write(home, "good", GOOD)
    write(home, "bad", "title = ")
    presets, errors = own_presets(home)
    assert [preset.name for preset in presets] == ["good"]
    assert "bad.toml" in str(errors[0])


def test_unknown_name_has_the_nearest(home) -> None:
    with pytest.raises(PresetError, match='did you mean "cnn-2-tuned"'):
        find_preset("cnn2-tuned", home)
    write(home, "my-best", GOOD)
    with pytest.raises(PresetError, match='did you mean "my-best"'):
        find_preset("mybest", home)


def test_a_path_that_is_not_there(home, tmp_path) -> None:
    with pytest.raises(PresetError, match="No such file"):
        find_preset(str(tmp_path / "gone.toml"), home)


@pytest.mark.parametrize("text", ["title = ", "\x00", "[architecture", 'title = "a"\ntitle = "b"'])
def test_damaged_toml(home, text) -> None:
    assert "not a TOML file" in fault(home, text)


def test_bytes_that_are_no_text(home) -> None:
    (home.presets / "mine.toml").write_bytes(b"\xff\xfe\x00title")
    with pytest.raises(PresetError, match="not a TOML file"):
        find_preset("mine", home)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("filters = 4", "filters = -1", ["layer 1 (Conv2D), filters", "given: -1"]),
        ("filters = 4", 'filters = "many"', ["layer 1 (Conv2D), filters", "'many'"]),
        ("filters = 4", "", ["layer 1 (Conv2D), filters", "missing"]),
        ("filters = 4", "filters = 4\nfilter = 5", ["layer 1 (Conv2D), filter:"]),
        ("kernel_size = 3", "kernel_size = 0", ["layer 1 (Conv2D), kernel_size"]),
        ("kernel_size = 3", "kernel_size = 5000", ["layer 1 (Conv2D), kernel_size", "4096"]),
        ("kernel_size = 3", "kernel_size = 3\ndilation_rate = 65", ["dilation_rate", "64 or"]),
        ("kernel_size = 3", "kernel_size = [3, 3, 3]", ["layer 1 (Conv2D), kernel_size"]),
        (
            "kernel_size = 3",
            "kernel_size = 3\nstrides = 2\ndilation_rate = 2",
            ["layer 1 (Conv2D)", "strides and dilation_rate"],
        ),
        ('"softmax"', '"sofmax"', ["layer 3 (Dense), activation", "'softmax'"]),
        ('"Flatten"', '"Flaten"', ["layer 2", "Flaten", '"Flatten"']),
        ('title = "Mine"', 'title = ""', ["title"]),
        ('title = "Mine"', 'title = "Mine"\nname = "Not A Name"', ["name"]),
        ("[architecture]", "[architecture]\nclasses = 1", ["architecture.classes"]),
        ("[architecture]", "[architecture]\ninput_shape = [28, 28]", ["architecture.input_shape"]),
        ("[architecture]", "[training]\nepochs = 0\n[architecture]", ["training.epochs"]),
        (
            "[architecture]",
            '[training.optimizer]\nkind = "sgd"\nlearning_rate = "fast"\n[architecture]',
            ["training.optimizer.learning_rate", "'fast'"],
        ),
        (
            "[architecture]",
            '[training.optimizer]\nkind = "adamm"\n[architecture]',
            ["training.optimizer", "adamm", '"adam"'],
        ),
        (
            "[architecture]",
            "[training.optimizer]\nlearning_rate = 0.1\n[architecture]",
            ["training.optimizer", "kind"],
        ),
        (
            "[architecture]",
            '[training.schedule]\nkind = "exponential"\ndecay_rate = 2.0\n[architecture]',
            ["training.schedule.decay_rate"],
        ),
        ("[architecture]", 'run = "rm -rf"\n[architecture]', ["run"]),
    ],
)
def test_a_wrong_field_is_named(home, old, new, expected) -> None:
    assert old in GOOD
    message = fault(home, GOOD.replace(old, new, 1))
    for part in expected:
        assert part in message


def test_sections_of_a_wrong_kind(home) -> None:
    assert "architecture" in fault(home, 'title = "a"\narchitecture = 3\n')
    assert "training" in fault(home, f"training = 3\n{GOOD}")
    assert "training" in fault(home, f"training = [1]\n{GOOD}")
    assert "layers" in fault(home, 'title = "a"\n[architecture]\nlayers = 3\n')
    assert "layer 1" in fault(home, 'title = "a"\n[architecture]\nlayers = [3]\n')
    assert "name" in fault(home, f"name = 3\n{GOOD}")


def test_a_huge_file_is_refused(home) -> None:
    assert "larger than 1 MB" in fault(home, GOOD + "#" * 1_100_000)


def test_early_stopping_and_its_schedule_are_saved(home) -> None:
    training = TrainingSettings(
        schedule=ReduceOnPlateau(patience=5), early_stopping=EarlyStopping(min_delta=0.01)
    )
    preset = find_preset("nn-1", home).model_copy(update={"name": "mine", "training": training})
    save_preset(preset, home)
    assert find_preset("mine", home).training == training
