"""All claims, in the paper's order."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from workbench.leaderboard.claims import convolutions, hyperparameters, networks
from workbench.leaderboard.claims.claim import CheckedClaim, Claim, Verdict
from workbench.leaderboard.claims.evidence import Evidence, gather
from workbench.model.spec import Precision
from workbench.runs.summary import RunSummary

_CHECKS: dict[Claim, Callable[[Evidence], Verdict]] = {
    networks.DEEPER: networks.check_deeper,
    convolutions.BEST: convolutions.check_best_cnn,
    convolutions.COST: convolutions.check_cost,
    convolutions.VARY: convolutions.check_vary,
    hyperparameters.ADAM_BEST: hyperparameters.check_adam_best,
    hyperparameters.ADAM_COLLAPSES: hyperparameters.check_adam_collapses,
    hyperparameters.CHEAPER: hyperparameters.check_cheaper,
}
CLAIMS = tuple(_CHECKS)


def check(
    claim: Claim, summaries: Iterable[RunSummary], precision: Precision = "float32"
) -> Verdict:
    """What our runs say of one claim; runs of other settings than the paper's count nothing."""
    return _CHECKS[claim](gather(summaries, precision))


def check_all(
    summaries: Iterable[RunSummary], precision: Precision = "float32"
) -> tuple[CheckedClaim, ...]:
    """Every claim with its verdict."""
    return check_evidence(gather(summaries, precision))


def check_evidence(evidence: Evidence) -> tuple[CheckedClaim, ...]:
    """Every claim with its verdict, from tables that were compared already."""
    return tuple(CheckedClaim(claim, judge(evidence)) for claim, judge in _CHECKS.items())
