"""The lines of the paper's claims: what is claimed, and how far our runs bear it out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from workbench.leaderboard.claims.claim import CheckedClaim, Kind
from workbench.leaderboard.claims.view import MARKS
from workbench.tui.widgets.columns import Column, Content

CLAIM_COLUMNS = (
    Column("verdict", "  Verdict", 18),
    Column("claim", "What the paper says", 32, stretch=1, most=44),
    Column("section", "Section", 7, weight=1),
    Column("table", "From", 7, weight=2),
)


class ClaimRows:
    """Checked claims, one a line."""

    def __init__(self, claims: Sequence[CheckedClaim]) -> None:
        self.claims = claims

    def __len__(self) -> int:
        return len(self.claims)

    def key(self, index: int) -> str:
        """The claim's own name in files."""
        return self.claims[index].claim.key

    def mark(self, index: int) -> str:
        """None: a claim has no curve."""
        return " "

    def cell(self, index: int, column: str, width: int) -> Content:
        """A cell of a claim's line."""
        claim, verdict = self.claims[index].claim, self.claims[index].verdict
        match column:
            case "verdict":
                tone, mark = MARKS[verdict.kind]
                return (f"{mark} {verdict.kind.value}", tone.value)
            case "claim":
                return claim.name
            case "section":
                return claim.section
            case "table":
                return (f"Table {claim.table}", "muted")
        return ""


def tally(claims: Sequence[CheckedClaim]) -> str:
    """`3 borne out · 4 not judged yet`."""
    counts = Counter(item.verdict.kind for item in claims)
    return " · ".join(f"{counts[kind]} {kind.value}" for kind in Kind if counts[kind])
