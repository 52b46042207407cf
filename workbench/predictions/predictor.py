"""Asks the predictor process, which has the models that screens and commands do not load.

It answers images, and shows what one image does in a model, layer by layer.
"""

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
from workbench.predictions.of_run import MAKER
from workbench.runs.folder import RunFolder
from workbench.runs.process import module_command, module_environment

Pictures = NDArray[np.uint8]  # (N, H, W) grey or (N, H, W, 3) colour, 0 to 255

SMALL_SIDE = 14
MOST_PICTURES = 256  # of one layer; a layer of 4,096 maps would fill a slow line


@dataclass(frozen=True, eq=False)
class Sheet:
    """The feature maps, the filters or the weights of one layer."""

    layer: str
    what: str
    pictures: Pictures
    total: int  # of the layer; more than there are pictures where it has too many

    @property
    def title(self) -> str:
        """Such as `conv2d_1: 32 feature maps, 28×28`."""
        shown = len(self.pictures)
        count = f"{self.total}" if shown == self.total else f"the first {shown} of {self.total}"
        height, width = self.pictures.shape[1:3]
        return f"{self.layer}: {count} {self.what}, {height}×{width}"

    @property
    def enlarged(self) -> Pictures:
        """The pictures for the eye: those of a filter's 3×3 are made four times as large."""
        factor = max(1, SMALL_SIDE // max(self.pictures.shape[1:3]))
        return self.pictures.repeat(factor, axis=1).repeat(factor, axis=2)


@dataclass(frozen=True, eq=False)
class Inside:
    """What one image does in a model.

    `falls` (H, W) has, for each pixel, by how much the probability of the answer falls, on
    average, while a square around it is covered with black; negative where it rises.
    """

    answer: int
    probability: float
    falls: NDArray[np.float32]
    patch: int  # side of the square in pixels
    sheets: tuple[Sheet, ...]

    @property
    def looked(self) -> NDArray[np.uint8]:
        """`falls` as an image (H, W, 3): red where it falls, blue where it rises."""
        return signed_colours(self.falls)

    def to_json(self) -> dict[str, Any]:
        """As the predictor process sends it."""
        return {
            "answer": self.answer,
            "probability": self.probability,
            "falls": np.round(self.falls, 6).tolist(),
            "patch": self.patch,
            "sheets": [
                {
                    "layer": sheet.layer,
                    "what": sheet.what,
                    "pictures": base64.b64encode(sheet.pictures.tobytes()).decode(),
                    "shape": sheet.pictures.shape,
                    "total": sheet.total,
                }
                for sheet in self.sheets
            ],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Inside:
        sheets = []
        for sheet in data["sheets"]:
            pixels = np.frombuffer(base64.b64decode(sheet["pictures"]), np.uint8)
            pictures = pixels.reshape(sheet["shape"])
            sheets.append(Sheet(sheet["layer"], sheet["what"], pictures, sheet["total"]))
        falls = np.array(data["falls"], np.float32)
        return cls(data["answer"], data["probability"], falls, data["patch"], tuple(sheets))


def signed_colours(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Values of any shape as RGB: black is 0, red is above, blue is below, by the largest."""
    shares = values / max(float(np.abs(values).max(initial=0.0)), 1e-12)
    above, below = np.clip(shares, 0, 1), np.clip(-shares, 0, 1)
    # Some green with each, as pure blue can hardly be seen on black.
    colours = np.stack([above, 0.35 * above + 0.55 * below, below], axis=-1)
    pixels: NDArray[np.uint8] = np.rint(255 * colours).astype(np.uint8)
    return pixels


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
                self.close()
                raise EnvironmentProblem(
                    "the process that answers for the models has died; ask again, and see whether "
                    "there is memory for it"
                ) from error

    def close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def _start(self) -> subprocess.Popen[str]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        try:
            self._process = subprocess.Popen(
                module_command(MAKER),
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
