"""The GPUs as the driver's library tells of them; the library is made up here."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.support import FakeNvml, LivingRun
from workbench.cli.doctor import _gpu
from workbench.runs import environment, lock
from workbench.runs.environment import Gpu, GpuMeter
from workbench.settings import Home
from workbench.tui.screens.train.numbers import gpu_text, machine_lines
from workbench.tui.screens.train.state import RunState, Sampler

GIB = 2**30


def test_all_of_them_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml([70, None], failing=1))
    meter = GpuMeter()
    assert meter.read() == (Gpu("GPU 0", 70, GIB, 24 * GIB), Gpu("GPU 1", None, GIB, 24 * GIB))
    assert not meter.missing


def test_a_library_without_a_driver_finds_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml(None))
    assert GpuMeter().read() == () and not GpuMeter().missing


@pytest.mark.parametrize("there", [True, False])
def test_a_gpu_that_nothing_can_ask_for(
    there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    monkeypatch.setattr(environment, "DRIVER", tmp_path if there else tmp_path / "none")
    assert GpuMeter().missing is there and GpuMeter().read() == ()
    verdict, detail = _gpu()
    assert verdict == ("warn" if there else "ok")
    assert ("pip install 'mnist-workbench[gpu]'" in detail) is there


def test_the_doctor_names_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml([1, 2]))
    assert _gpu() == ("ok", "GPU 0, 24 GiB; GPU 1, 24 GiB")


def shown(home: Home, *busy: list[int | None]) -> list[str]:
    """The machine's lines on a living run's screen after one sample for each way to be busy."""
    run = LivingRun(home)
    sampler, use = Sampler(run.folder.lock_file), None
    held = os.open(run.folder.lock_file, os.O_WRONLY)
    lock.write_pid(held, os.getpid())
    os.close(held)
    for each in busy or [[]]:
        if busy:
            sys.modules["pynvml"].busy = each
        use = sampler.sample()
    lines = machine_lines(RunState(run.folder), use, 41)
    run.die()
    return [gpu_text(use), *("".join(text for text, _ in line) for line in lines[2:])]


def test_each_has_its_line_with_what_it_was_before(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml([0, None]))
    assert shown(home, [0, None], [50, None], [100, None]) == [
        "gpu 100 – %",
        "gpu 0 100 %   1.0/24 GiB ▁▅█",
        "gpu 1   – %   1.0/24 GiB ▁▁▁",
    ]


def test_what_to_install_stands_where_a_gpu_cannot_be_asked(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    monkeypatch.setattr(environment, "DRIVER", tmp_path)
    assert shown(home) == ["", "gpu: pip install 'mnist-workbench[gpu]'"]
