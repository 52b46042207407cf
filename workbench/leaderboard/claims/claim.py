"""A claim of the paper and what our runs say of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from workbench.leaderboard.claims.sample import Sample


class Kind(StrEnum):
    """How far our runs bear a claim out."""

    BORNE_OUT = "borne out"
    PARTLY = "partly borne out"
    NOT_BORNE_OUT = "not borne out"
    NOT_JUDGED = "not judged yet"


@dataclass(frozen=True)
class Claim:
    """One claim: a name of a few words, the paper's section and table, the claim in a sentence."""

    key: str
    name: str
    section: str
    table: int
    statement: str


@dataclass(frozen=True)
class Verdict:
    """What our runs say: the kind, and a few sentences of numbers.

    `samples` are the rows looked at, with our runs of them; of those without a run `missing`
    has the names.
    """

    kind: Kind
    text: str
    samples: tuple[Sample, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """Rows that the claim needs and that have not been trained."""
        return tuple(sample.name for sample in self.samples if not sample.ran)


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
        """Plain data: accuracies as fractions, times in seconds."""
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
        }


def needs(samples: Sequence[Sample]) -> str:
    """Which rows lost runs or have none: `Not trained yet: CNN model 1.`; or nothing."""
    names = [sample.name for sample in samples if not sample.ran]
    missing = f"Not trained yet: {', '.join(names)}." if names else ""
    return sentences(*(sample.losses for sample in samples), missing)


def sentences(*parts: str) -> str:
    """Sentences one after the other, without those that are empty."""
    return " ".join(part for part in parts if part)
