"""The claims of the paper, from `presets/claims.toml`, and what our runs say of them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from workbench.leaderboard.claims.sample import Sample
from workbench.leaderboard.inference import Contrast
from workbench.settings import resource_folder

Judge = Literal[
    "above", "best", "ranking", "reaches", "cost", "vary", "collapse", "faster", "ratio", "flatters"
]


class Kind(StrEnum):
    """How far our runs bear a claim out."""

    CONFIRMED = "confirmed"
    PARTLY = "partly confirmed"
    NOT_CONFIRMED = "not confirmed"
    NOT_ENOUGH_RUNS = "not enough runs"


class Claim(BaseModel):
    """One claim: a name of a few words, the paper's section and table, the claim in a sentence.

    `rows` are what it says something of, `over` what they are held against: each row against all
    of these, or with `pairing` "each" the first against the first and so on. `figures` are
    accuracies in the paper's text, as fractions. `note` says what the numbers do not.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    key: str
    name: str
    section: str
    table: int
    statement: str
    judge: Judge
    rows: tuple[str, ...]
    over: tuple[str, ...] = ()
    pairing: Literal["all", "each"] = "all"
    figures: tuple[float, ...] = ()
    note: str = ""


@lru_cache(maxsize=1)
def paper_claims() -> tuple[Claim, ...]:
    """All claims, in the paper's order."""
    text = (resource_folder("presets") / "claims.toml").read_text("utf-8")
    return tuple(Claim.model_validate(item) for item in tomllib.loads(text)["claims"])


@dataclass(frozen=True)
class Verdict:
    """What our runs say: the kind, and a few sentences of numbers.

    `samples` are the rows looked at, with our runs of them; of those without a run `missing`
    has the names. `contrasts` are the differences that were tested.
    """

    kind: Kind
    text: str
    samples: tuple[Sample, ...]
    contrasts: tuple[Contrast, ...] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        """Rows that the claim needs and that have not been trained."""
        return tuple(sample.name for sample in self.samples if not sample.total)


@dataclass(frozen=True)
class CheckedClaim:
    """A claim with its verdict."""

    claim: Claim
    verdict: Verdict

    @property
    def sentence(self) -> str:
        """The claim, and what our runs say of it."""
        return f"{self.claim.statement} {self.verdict.text}"

    def to_json(self) -> dict[str, Any]:
        """Plain data: accuracies as fractions, differences in points, times in seconds."""
        return {
            "claim": self.claim.key,
            "name": self.claim.name,
            "section": self.claim.section,
            "table": self.claim.table,
            "statement": self.claim.statement,
            "verdict": self.verdict.kind.value,
            "text": self.verdict.text,
            "missing": list(self.verdict.missing),
            "rows": [sample.to_json() for sample in self.verdict.samples],
            "differences": [_contrast_json(item) for item in self.verdict.contrasts],
        }


def _contrast_json(item: Contrast) -> dict[str, Any]:
    reach = item.reach
    interval = None
    if reach is not None:
        interval = [round(100 * (item.gap + side * reach), 4) for side in (-1, 1)]
    return {
        "row": item.one.name,
        "other": item.other.name,
        "points": round(100 * item.gap, 4),
        "interval_points": interval,
        "p_corrected": round(item.adjusted, 6),
        "standing": item.standing.value,
        "more_seeds": item.more_seeds,
    }
