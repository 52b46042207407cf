"""The environment that the program's own processes run in."""

from __future__ import annotations

import pytest

from workbench.runs.process import module_environment


def test_pythons_own_switches_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    switches = ("WARNINGS", "OPTIMIZE", "INSPECT", "STARTUP", "DEVMODE", "HASHSEED", "MALLOC",
                "IOENCODING", "_GIL", "BREAKPOINT", "SAFEPATH")  # fmt: skip
    for switch in switches:
        monkeypatch.setenv(f"PYTHON{switch}", "1")
    kept = {"PYTHONPATH": "/somewhere", "PYTHONUSERBASE": "/base", "TF_ENABLE_ONEDNN_OPTS": "0",
            "CUDA_VISIBLE_DEVICES": "1", "PATH": "/bin"}  # fmt: skip
    for name, value in kept.items():
        monkeypatch.setenv(name, value)
    environment = module_environment()
    assert not [name for name in environment if name.removeprefix("PYTHON") in switches]
    for name, value in kept.items():
        assert value in environment[name]
