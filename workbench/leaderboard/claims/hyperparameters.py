"""Section 4.3: learning rates of Adam, and what batch size and epochs cost."""

from __future__ import annotations

import statistics

from workbench.leaderboard.claims.best import check_best, papers_best
from workbench.leaderboard.claims.claim import Claim, Kind, Verdict, needs, sentences
from workbench.leaderboard.claims.contrast import borrowed, difference, least_clear
from workbench.leaderboard.claims.evidence import Evidence
from workbench.leaderboard.claims.sample import Sample, shared_machine
from workbench.leaderboard.outcome import collapsed_to
from workbench.leaderboard.wording import count, duration, points
from workbench.model.tables import ALL_ONES_ACCURACY

SEARCH, BATCHES = 7, 8
# How far our ratio of times may lie from the paper's and still be "about" the same.
ABOUT = 0.05

ADAM_BEST = Claim(
    "adam-best",
    "Adam at 0.002 is best",
    "4.3",
    SEARCH,
    "Of the eight optimizers and learning rates of Table 7, Adam at 0.002 is the most accurate.",
)
ADAM_COLLAPSES = Claim(
    "adam-collapses",
    "Adam at 0.01 collapses",
    "4.3",
    SEARCH,
    "With Adam at 0.01 the network learns nothing and answers one digit to every image, "
    f"which is {100 * ALL_ONES_ACCURACY:.2f} %.",
)
CHEAPER = Claim(
    "less-time",
    "Batch 60 × 5: 40 % of the time",
    "4.3",
    BATCHES,
    "Batch 60 for 5 epochs takes about 40 % of the time of batch 30 for 10, "
    "for 0.1 points of accuracy less.",
)


def check_adam_best(evidence: Evidence) -> Verdict:
    """Adam at 0.002 against the other rows of Table 7."""
    return check_best(evidence, SEARCH)


def check_adam_collapses(evidence: Evidence) -> Verdict:
    """How many of the seeds of Adam at 0.01 collapsed."""
    sample = next(
        sample
        for sample in evidence.samples(SEARCH)
        if abs(sample.row.row.accuracy - ALL_ONES_ACCURACY) < 1e-6
    )
    ours = sample.ours
    collapsed = ours.collapsed if ours else ()
    diverged = ours.diverged if ours else 0
    total = sample.n + len(collapsed) + diverged
    if not total:
        return Verdict(Kind.NOT_JUDGED, needs([sample]), (sample,))
    parts = [f"Ours: {len(collapsed)} of {count(total, 'run')} collapsed"]
    if collapsed:
        seeds = ", ".join(f"seed {run.seed} to {collapsed_to(run)}" for run in collapsed)
        parts[0] += f" ({seeds})"
    if diverged:
        parts.append(f"{diverged} diverged")
    if sample.n:
        parts.append(f"{_others(sample, total)} ended at {sample.accuracy}")
    text = sentences("; ".join(parts) + ".", _share(len(collapsed), total))
    if len(collapsed) == total:
        kind = Kind.BORNE_OUT
    elif collapsed or diverged:
        kind = Kind.PARTLY
    else:
        kind = Kind.NOT_BORNE_OUT if total > 1 else Kind.NOT_JUDGED
    return Verdict(kind, text, (sample,))


def _others(sample: Sample, total: int) -> str:
    if sample.n == total:
        return "it" if total == 1 else "they"
    return "the other" if sample.n == 1 else f"the other {sample.n}"


def _share(collapsed: int, total: int) -> str:
    """What so few runs leave possible; nothing where some collapsed and some did not."""
    if 0 < collapsed < total:
        return "Whether it does hangs on the seed."
    bound = 1 - 0.05 ** (1 / total)
    if collapsed:
        return f"So few leave any share from {100 * (1 - bound):.0f} % on possible (95 % level)."
    return f"So few leave a share of up to {100 * bound:.0f} % possible (95 % level)."


def check_cheaper(evidence: Evidence) -> Verdict:
    """The chosen row of Table 8 against the most accurate one: time and accuracy."""
    samples = evidence.samples(BATCHES)
    dear = papers_best(samples)
    cheap = next(sample for sample in samples if sample.row.row.cells == ("60", "5"))
    pair = [cheap, dear]
    if not cheap.n or not dear.n:
        return Verdict(Kind.NOT_JUDGED, needs(pair), tuple(pair))
    spread = evidence.spread(BATCHES)
    papers_gap = 100 * (cheap.row.row.accuracy - dear.row.row.accuracy)
    gap = difference(cheap, dear)
    least = least_clear(cheap, dear, spread)
    alike = None if least is None else abs(gap - papers_gap) <= 100 * least
    papers_ratio = (cheap.row.row.train_seconds or 0.0) / (dear.row.row.train_seconds or 1.0)
    machine = shared_machine(pair)
    ratio = None
    if machine is None:
        time = "No machine has trained both, so times are not compared."
    else:
        short, long = (sample.seconds(machine) for sample in pair)
        ratio = statistics.fmean(short) / statistics.fmean(long)
        time = (
            f"On {machine[0]} ({count(machine[2], 'core')}) {duration(statistics.fmean(short))} "
            f"(n = {len(short)}) against {duration(statistics.fmean(long))} (n = {len(long)}): "
            f"{100 * ratio:.0f} % of the time, in the paper {100 * papers_ratio:.0f} %."
        )
    accuracy = (
        f"Accuracy {cheap.accuracy} against {dear.accuracy}: {points(gap)} points, "
        f"in the paper {points(papers_gap)}{_apart(alike, least)}."
    )
    text = sentences(time, accuracy, borrowed(spread, pair), needs(pair))
    return Verdict(_cheaper_kind(ratio, papers_ratio, alike), text, tuple(pair))


def _apart(alike: bool | None, least: float | None) -> str:
    if alike is None or least is None:
        return ""
    word = "which is" if alike else "which is not"
    return f", {word} within what runs differ by chance (± {100 * least:.2f})"


def _cheaper_kind(ratio: float | None, papers_ratio: float, alike: bool | None) -> Kind:
    if ratio is None:
        return Kind.NOT_JUDGED
    if ratio >= 1.0:
        return Kind.NOT_BORNE_OUT
    return Kind.BORNE_OUT if abs(ratio - papers_ratio) <= ABOUT and alike else Kind.PARTLY
