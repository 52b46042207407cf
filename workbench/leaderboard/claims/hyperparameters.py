"""Section 4.3: learning rates of Adam, and what batch size and epochs cost."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from workbench.leaderboard.claims.best import check_best, papers_best
from workbench.leaderboard.claims.claim import Claim, Kind, Verdict, needs, sentences
from workbench.leaderboard.claims.contrast import borrowed, difference, least_clear
from workbench.leaderboard.claims.evidence import Evidence
from workbench.leaderboard.claims.sample import Sample, shared_machine
from workbench.leaderboard.views import seeds_text
from workbench.leaderboard.wording import count, duration, points
from workbench.model.tables import ALL_ONES_ACCURACY
from workbench.runs.summary import RunSummary

SEARCH, BATCHES = 7, 8
# How far our ratio of times may lie from the paper's and still be "about" the same.
ABOUT = 0.05
# Up to what difference by chance, in percentage points, runs can show that two accuracies agree.
TELLING = 0.3
# While more than this share of runs may collapse, that none did says nothing against it.
LIKELY = 0.5

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
        parts[0] += f" ({_answers(collapsed)})"
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
        kind = Kind.NOT_BORNE_OUT if _most_possible(total) <= LIKELY else Kind.NOT_JUDGED
    return Verdict(kind, text, (sample,))


def _answers(collapsed: Sequence[RunSummary]) -> str:
    """`seeds 0–2: they answer 1 to every image; seed 3: it answers 0 to every image`."""
    seeds: dict[int | None, set[int]] = {}
    for run in collapsed:
        seeds.setdefault(run.collapsed_to, set()).add(run.seed)
    return "; ".join(
        f"seed{'' if len(those) == 1 else 's'} {seeds_text(sorted(those))}: "
        f"{'it answers' if len(those) == 1 else 'they answer'} {digit} to every image"
        for digit, those in seeds.items()
    )


def _others(sample: Sample, total: int) -> str:
    if sample.n == total:
        return "it" if total == 1 else "they"
    return "the other" if sample.n == 1 else f"the other {sample.n}"


def _share(collapsed: int, total: int) -> str:
    """What so few runs leave possible; nothing where some collapsed and some did not."""
    if 0 < collapsed < total:
        return "Whether it does hangs on the seed."
    runs = "one run" if total == 1 else f"{total} runs"
    bound = _most_possible(total)
    if collapsed:
        least = f"{100 * (1 - bound):.0f} %"
        return f"From {runs} alone, any share from {least} on remains possible."
    return f"From {runs} alone, any share up to {100 * bound:.0f} % remains possible."


def _most_possible(total: int) -> float:
    """The largest share of runs of which none would show among so many in 5 % of cases."""
    return 1 - math.pow(0.05, 1 / total)


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
        time = (
            "No machine has trained both with the same number of threads, so times are not "
            "compared."
        )
    else:
        short, long = (sample.seconds(machine) for sample in pair)
        ratio = statistics.fmean(short) / statistics.fmean(long)
        time = (
            f"On {machine.host}, {machine.cores_text}: {duration(statistics.fmean(short))} "
            f"(n = {len(short)}) against {duration(statistics.fmean(long))} (n = {len(long)}), "
            f"{100 * ratio:.0f} % of the time, in the paper {100 * papers_ratio:.0f} %."
        )
    accuracy = (
        f"Accuracy {cheap.accuracy} against {dear.accuracy}: {points(gap)} points, "
        f"in the paper {points(papers_gap)}{_apart(alike, least)}."
    )
    text = sentences(time, accuracy, borrowed(spread, pair), needs(pair))
    return Verdict(_cheaper_kind(ratio, papers_ratio, alike, least), text, tuple(pair))


def _apart(alike: bool | None, least: float | None) -> str:
    if alike is None or least is None:
        return ""
    chance = f"(± {100 * least:.2f})"
    if not alike:
        return f", which is not within what runs differ by chance {chance}"
    if 100 * least > TELLING:
        return f", but runs differ by chance by too much to tell {chance}"
    return f", which is within what runs differ by chance {chance}"


def _cheaper_kind(
    ratio: float | None, papers_ratio: float, alike: bool | None, least: float | None
) -> Kind:
    if ratio is None:
        return Kind.NOT_JUDGED
    if ratio >= 1.0:
        return Kind.NOT_BORNE_OUT
    agrees = alike and least is not None and 100 * least <= TELLING
    return Kind.BORNE_OUT if agrees and abs(ratio - papers_ratio) <= ABOUT else Kind.PARTLY
