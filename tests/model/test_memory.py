"""What a training needs of memory, and what is refused before it starts."""

from pathlib import Path

import pytest

from workbench.errors import EnvironmentProblem
from workbench.model.architecture import analyse
from workbench.model.hyperparameters import SGD, Adam, RMSprop, TrainingSettings
from workbench.model.preset import find_preset
from workbench.model.spec import (
    DatasetRef,
    TrainingSpec,
    mebibytes,
    memory_need,
    memory_shortage,
    optimizer_slots,
)
from workbench.queue import service
from workbench.queue.planning import PlannedTrial
from workbench.runs import environment
from workbench.runs.plan import Plan, specs_for, specs_for_preset
from workbench.runs.record import Labels
from workbench.runs.service import launch
from workbench.settings import Home


def test_memory_counts_weights_optimizer_and_one_batch() -> None:
    analysis = analyse(find_preset("nn-1", Home(Path("/none"))).architecture)
    need = memory_need(analysis, TrainingSettings(batch_size=32, optimizer=Adam()))
    assert need.weights == 4 * 101_770
    assert need.optimizer == 2 * need.weights
    assert need.activations == 4 * 32 * (784 + 128 + 10)
    assert need.total == need.weights + need.optimizer + need.activations
    assert [optimizer_slots(item) for item in (SGD(), SGD(momentum=0.5))] == [0, 1]
    assert [optimizer_slots(item) for item in (RMSprop(), RMSprop(momentum=0.5))] == [1, 2]
    assert (mebibytes(0), mebibytes(2**20 * 3 // 2), mebibytes(2**30)) == ("0.0", "1.5", "1,024")


def spec_of(home: Home, training: TrainingSettings) -> TrainingSpec:
    preset = find_preset("nn-1", home).model_copy(update={"training": training})
    (spec,) = specs_for_preset(preset, Plan())
    return spec


def test_a_shortage_begins_where_the_count_ends(home: Home) -> None:
    spec = spec_of(home, TrainingSettings(batch_size=1_000_000, optimizer=Adam()))
    weights, outputs, labels = 101_770, 60_000 * (784 + 128 + 10), 70_000 * 10
    need = 4 * (4 * weights + outputs + labels)  # weights, gradients, and Adam's two moments
    assert memory_shortage(spec, need) is None
    sentence = memory_shortage(spec, need - 1)
    assert sentence is not None and sentence.count(mebibytes(need)) == 2
    assert "batch of 60,000" in sentence and sentence.endswith("use a smaller batch")
    half = spec.model_copy(update={"precision": "bfloat16"})
    assert memory_shortage(half, need - 2 * outputs) is None
    few = DatasetRef(train_images=100, test_images=1)
    assert memory_shortage(spec.model_copy(update={"dataset": few}), 5_000_000) is None


GIANT = """
title = "Giant"
[architecture]
layers = [{ kind = "Flatten" },
    LAYERS
    { kind = "Dense", units = 10, activation = "softmax" }]
"""


def test_what_memory_cannot_hold_is_never_started(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "giant.toml"
    path.write_text(GIANT.replace("LAYERS", 198 * '{ kind = "Dense", units = 46340 },\n'))
    specs = specs_for(home, str(path), Plan())
    with pytest.raises(EnvironmentProblem, match=r"memory: giant needs 3,2.* MiB .* fewer units"):
        launch(home, specs, Labels(), "run")
    with pytest.raises(EnvironmentProblem, match="memory: giant needs"):
        service.enqueue(home, [PlannedTrial(specs[0])], "sweep")
    assert not home.runs.exists() or not list(home.runs.iterdir())
    assert not service.QueueStore(home).read().trials


@pytest.mark.parametrize(
    ("group", "limits", "expected"),
    [
        ("0::/job/step", {"job/memory.max": "5000", "job/step/memory.max": "max"}, 5000),
        ("0::/", {"memory.max": "7000"}, 7000),
        ("4:memory:/job", {"memory/memory.limit_in_bytes": "6000", "memory.max": "5"}, 6000),
        ("3:cpu:/job", {"cpu/memory.max": "5"}, None),
        ("0::/gone", {}, None),
    ],
)
def test_control_groups_limit_memory(
    group: str,
    limits: dict[str, str],
    expected: int | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, text in limits.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{text}\n")
    monkeypatch.setattr(environment, "CGROUPS", tmp_path)
    read = Path.read_text
    monkeypatch.setattr(
        Path,
        "read_text",
        lambda path, *a, **k: group if str(path) == "/proc/self/cgroup" else read(path, *a, **k),
    )
    import psutil

    machine = psutil.virtual_memory().total
    assert environment.memory_bytes() == (expected or pytest.approx(machine, rel=0.01))


def test_what_is_free_of_a_groups_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_limiting_groups", lambda: [(tmp_path, 9000)])
    (tmp_path / "memory.current").write_text("7000\n")
    (tmp_path / "memory.stat").write_text("anon 3000\ninactive_file 1500\n")
    assert environment.free_memory_bytes() == 3500
    (tmp_path / "memory.usage_in_bytes").write_text("8000\n")
    (tmp_path / "memory.stat").write_text("inactive_file 5\ntotal_inactive_file 500\n")
    assert environment.free_memory_bytes() == 1500
