"""Section 3.3: which CNN is best, which worst for its cost, and how far runs lie apart."""

from __future__ import annotations

import statistics

from workbench.leaderboard.claims.best import check_best, papers_best
from workbench.leaderboard.claims.claim import Claim, Kind, Verdict, needs, sentences
from workbench.leaderboard.claims.contrast import (
    Spread,
    Standing,
    borrowed,
    difference,
    least_clear,
    standing,
)
from workbench.leaderboard.claims.evidence import Evidence
from workbench.leaderboard.claims.sample import Sample, shared_machine
from workbench.leaderboard.wording import duration, percent, points

TABLE = 6
# Three runs of CNN model 2, as Section 3.3 reports them.
PAPER_RUNS = (0.9745, 0.9747, 0.9433)
WORST_FOR_ITS_COST = "CNN model 1.2"

BEST = Claim(
    "best-cnn",
    "CNN model 2 is the best CNN",
    "3.3",
    TABLE,
    "CNN model 2 reaches the highest accuracy of the four CNNs.",
)
COST = Claim(
    "worst-for-its-cost",
    "CNN 1.2 is worst for its cost",
    "3.3",
    TABLE,
    "CNN model 1.2 costs the most to compute and gains too little by it.",
)
VARY = Claim(
    "runs-vary",
    "Runs of one model vary",
    "3.3",
    TABLE,
    "The same CNN comes out differently from run to run: CNN model 2 at "
    f"{', '.join(percent(accuracy) for accuracy in PAPER_RUNS)}.",
)


def check_best_cnn(evidence: Evidence) -> Verdict:
    """CNN model 2 against the other three, by means; the best of n is said beside it."""
    return check_best(evidence, TABLE, best_of_n=True)


def check_cost(evidence: Evidence) -> Verdict:
    """Multiply-adds and measured time of CNN model 1.2, and what accuracy it has for them."""
    samples = evidence.samples(TABLE)
    costly = next(sample for sample in samples if sample.name == WORST_FOR_ITS_COST)
    others = [sample for sample in samples if sample is not costly]
    second = max(others, key=_multiply_adds)
    most = _multiply_adds(costly) > _multiply_adds(second)
    cost = (
        f"{costly.name} takes {_millions(costly)} multiply-adds an image, "
        f"{second.name} {_millions(second)}, {papers_best(samples).name} "
        f"{_millions(papers_best(samples))}."
    )
    trained = [sample for sample in others if sample.n]
    if not costly.n or not trained:
        return Verdict(Kind.NOT_JUDGED, sentences(cost, needs(samples)), tuple(samples))
    spread = evidence.spread(TABLE)
    best = max(trained, key=lambda sample: sample.mean)
    gain = (
        f"Its accuracy is {costly.accuracy}, the best of the cheaper ones is {best.name} with "
        f"{best.accuracy}: {points(difference(costly, best))} points for "
        f"{_multiply_adds(costly) / _multiply_adds(best):.1f} times the multiply-adds."
    )
    text = sentences(cost, _times(samples), gain, borrowed(spread, [costly, best]), needs(samples))
    kind = _cost_kind(costly, trained, spread, most=most, everyone=len(trained) == len(others))
    return Verdict(kind, text, tuple(samples))


def _cost_kind(
    costly: Sample, cheaper: list[Sample], spread: Spread | None, *, most: bool, everyone: bool
) -> Kind:
    if not most:
        return Kind.NOT_BORNE_OUT
    found = [standing(costly, sample, spread) for sample in cheaper]
    if Standing.BELOW in found:  # something cheaper is clearly better
        return Kind.BORNE_OUT
    if not everyone or any(least_clear(costly, one, spread) is None for one in cheaper):
        return Kind.NOT_JUDGED
    if Standing.OPEN in found:
        return Kind.PARTLY  # the cost is sure, and no gain over all the cheaper ones is shown
    return Kind.NOT_BORNE_OUT


def _times(samples: list[Sample]) -> str:
    timed = [sample for sample in samples if sample.n]
    machine = shared_machine(timed)
    if machine is None:
        return (
            "No machine has trained all of these with the same number of threads, so times are "
            "not compared."
        )
    means = {sample.name: statistics.fmean(sample.seconds(machine)) for sample in timed}
    listed = ", ".join(f"{name} {duration(mean)}" for name, mean in means.items())
    return f"Mean training time on {machine.host}, {machine.cores_text}: {listed}."


def _multiply_adds(sample: Sample) -> int:
    return sample.analysis.multiply_adds


def _millions(sample: Sample) -> str:
    return f"{_multiply_adds(sample) / 1e6:.1f} million"


def check_vary(evidence: Evidence) -> Verdict:
    """How far the runs of one CNN lie apart, against the paper's three of CNN model 2."""
    samples = evidence.samples(TABLE)
    several = [sample for sample in samples if sample.n > 1]
    papers = 100 * (max(PAPER_RUNS) - min(PAPER_RUNS))
    if not several:
        single = [f"{sample.name} {sample.accuracy}" for sample in samples if sample.n]
        seen = f"One run alone shows no spread: {', '.join(single)}." if single else ""
        return Verdict(Kind.NOT_JUDGED, sentences(seen, needs(samples)), tuple(samples))
    ranges = {sample.name: 100 * (sample.best - min(sample.accuracies)) for sample in several}
    widest = max(ranges.values())
    listed = ", ".join(
        f"{sample.name} {sample.spread} (n = {sample.n}) over {ranges[sample.name]:.2f} points"
        for sample in several
    )
    runs = sum(sample.n for sample in several)
    dropped = sum(
        100 * (sample.best - value) > papers / 2 or value < min(PAPER_RUNS)
        for sample in several
        for value in sample.accuracies
    )
    text = sentences(
        f"Ours, from worst to best: {listed}; the paper's three, over {papers:.2f} points.",
        _drops(dropped, runs),
        needs(samples),
    )
    if widest >= papers / 2:
        return Verdict(Kind.BORNE_OUT, text, tuple(samples))
    return Verdict(Kind.PARTLY if widest > 0.01 else Kind.NOT_BORNE_OUT, text, tuple(samples))


def _drops(dropped: int, runs: int) -> str:
    if dropped:
        return f"{dropped} of these {runs} runs fell as the paper's third did."
    chance = 100 * (2 / 3) ** runs
    return (
        f"None of these {runs} runs fell as the paper's third did; "
        f"if one in three did so, {runs} would pass without in {chance:.2g} % of cases."
    )
