"""Asks the predictor process, which has the models that screens and commands do not load."""

from __future__ import annotations

import base64
import json
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import EnvironmentProblem, RunError
from workbench.predictions.inside import Inside
from workbench.runs.folder import RunFolder
from workbench.runs.process import module_command, module_environment

PREDICTOR = "workbench.training.predictor"


@dataclass(frozen=True)
class Answers:
    """Probabilities (N, classes) by run id, and why a run has none."""

    tables: dict[str, NDArray[np.float64]]
    faults: dict[str, str]


class Predictor:
    """One process, started when it is first asked. Methods may be called from any thread."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._guard = threading.Lock()
        self._asked = 0

    def warm(self) -> None:
        """Start the process, so that the first answer does not wait for TensorFlow."""
        with self._guard:
            self._start()

    def ask(self, runs: Sequence[RunFolder], images: NDArray[np.uint8]) -> Answers:
        """What the models of these runs answer to images (N, H, W, C) of 0 to 255.

        Blocks until they do: some seconds at first, then milliseconds.

        Raises:
            EnvironmentProblem: the process cannot be started, or has died.
        """
        reply = self._request({"runs": [str(folder.path) for folder in runs]}, images)
        tables = {name: np.array(rows) for name, rows in reply["answers"].items()}
        return Answers(tables, reply["faults"])

    def look_inside(self, run: RunFolder, image: NDArray[np.uint8]) -> Inside:
        """What the run's model makes of one image (H, W, C) of 0 to 255, layer by layer.

        Raises:
            RunError: the run has no model, or a damaged one.
            EnvironmentProblem: the process cannot be started, or has died.
        """
        reply = self._request({"inside": str(run.path)}, image[None])
        if "fault" in reply:
            raise RunError(f"run {run.run_id}: {reply['fault']}; see `mnist-workbench runs`")
        return Inside.from_json(reply["inside"])

    def _request(self, request: dict[str, object], images: NDArray[np.uint8]) -> dict[str, Any]:
        with self._guard:
            process = self._start()
            self._asked += 1
            request |= {
                "id": self._asked,
                "images": base64.b64encode(np.ascontiguousarray(images).tobytes()).decode(),
                "shape": images.shape,
            }
            assert process.stdin is not None and process.stdout is not None  # both are pipes
            try:
                process.stdin.write(json.dumps(request) + "\n")
                process.stdin.flush()
                reply: dict[str, Any] = json.loads(process.stdout.readline())
                return reply
            except (OSError, ValueError) as error:
                self._end()
                raise EnvironmentProblem(
                    "the process that answers for the models has died; ask again, and see whether "
                    "there is memory for it"
                ) from error

    def close(self) -> None:
        """End the process."""
        self._end()

    def _start(self) -> subprocess.Popen[str]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        try:
            self._process = subprocess.Popen(
                module_command(PREDICTOR),
                start_new_session=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=module_environment(),
                text=True,
            )
        except OSError as error:
            raise EnvironmentProblem(f"the predictor cannot be started: {error}") from error
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
