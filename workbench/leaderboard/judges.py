"""How a claim is judged by our runs: a judge for each kind of claim."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations
from statistics import fmean

from workbench.formats import count, duration, named_seeds, percent, points
from workbench.leaderboard.claims import (
    Claim,
    Evidence,
    Judge,
    Kind,
    Sample,
    Verdict,
    claims_view,
    gather,
    needs,
    paper_claims,
    shared_machine,
)
from workbench.leaderboard.inference import (
    MOST_SEEDS,
    Contrast,
    Estimate,
    Standing,
    contrasts,
    share_interval,
)
from workbench.leaderboard.paper import told_of_collapses
from workbench.leaderboard.table import Table
from workbench.model.spec import Precision
from workbench.runs.summary import RunSummary

# How far a ratio of times may lie from another and still be "about" the same.
ABOUT = 0.05
# Up to what difference by chance, in percentage points, runs can show that two accuracies agree.
TELLING = 0.3
# While more than this share of runs may collapse, that none did says nothing against it.
LIKELY = 0.5
# How many runs show one that comes once in three, in 95 of 100 cases: 1 - (2 / 3) ** 8 = 0.96.
SHOWN_BY = 8
# Differences that are listed one by one; of more, only how many went which way.
MOST_LISTED = 8
# Rows whose accuracies are listed.
MOST_ACCURACIES = 6


def check(claim: Claim, evidence: Evidence) -> Verdict:
    return _JUDGES[claim.judge](claim, evidence)


def check_evidence(evidence: Evidence) -> tuple[Verdict, ...]:
    """Every claim with its verdict, from tables that were compared already."""
    return tuple(check(claim, evidence) for claim in paper_claims())


def check_all(
    summaries: Iterable[RunSummary], precision: Precision = "float32"
) -> tuple[Verdict, ...]:
    """Every claim with its verdict; runs of other settings than the paper's count nothing."""
    return check_evidence(gather(summaries, precision))


def claims_table(summaries: Iterable[RunSummary], precision: Precision = "float32") -> Table:
    return claims_view(check_all(summaries, precision), precision)


# Claims that rows are above others


def _ordered(claim: Claim, evidence: Evidence) -> Verdict:
    """Whether the first of each pair is above the second.

    A second of which every run was lost is beaten. Of "best" one pair the other way round is
    enough to refute the claim; else it is then confirmed in part.
    """
    pairs = _pairs(claim, evidence)
    samples = tuple(dict.fromkeys(sample for pair in pairs for sample in pair))
    trained = [(one, other) for one, other in pairs if one.n and other.n]
    found = contrasts([(one.estimate, other.estimate) for one, other in trained])
    standings = [item.standing for item in found]
    above = standings.count(Standing.ABOVE)
    above += sum(one.n > 0 and other.total > 0 and not other.n for one, other in pairs)
    if Standing.BELOW in standings:
        kind = Kind.PARTLY if above and claim.judge != "best" else Kind.NOT_CONFIRMED
    elif not above or not all(one.n and other.total for one, other in pairs):
        kind = Kind.NOT_ENOUGH_RUNS
    else:
        kind = Kind.CONFIRMED if above == len(pairs) else Kind.PARTLY
    # Of more, the tables have the accuracies.
    champion = samples[:1] if claim.judge == "best" else ()
    text = _sentences(
        _listed(samples if len(samples) <= MOST_ACCURACIES else champion) if found else "",
        _differences(found),
        _not_in_the_papers(pairs),
        needs(samples),
        _note(claim, evidence),
    )
    return Verdict(claim, kind, text, samples, tuple(found))


def _pairs(claim: Claim, evidence: Evidence) -> Sequence[tuple[Sample, Sample]]:
    """What is claimed to be above what."""
    rows, over = evidence.samples(claim.rows), evidence.samples(claim.over)
    if claim.judge == "ranking":
        ranked = sorted(rows, key=lambda sample: sample.paper, reverse=True)
        return [(one, other) for one, other in combinations(ranked, 2) if one.paper > other.paper]
    if claim.pairing == "each":
        return list(zip(rows, over, strict=True))
    return [(one, other) for one in rows for other in over if one is not other]


def _note(claim: Claim, evidence: Evidence) -> str:
    if "{" not in claim.note:
        return claim.note
    counts = {
        side: " and ".join(f"{item.analysis.parameters:,}" for item in evidence.samples(names))
        for side, names in (("rows", claim.rows), ("over", claim.over))
    }
    return claim.note.format(**counts)


def _differences(found: Sequence[Contrast]) -> str:
    """Each difference with its interval, and what would decide it; of many, how many."""
    if not found:
        return ""
    if all(item.error is None for item in found):
        return "How far runs of one row lie apart is not known yet; more seeds would tell."
    counts = {kind: [item for item in found if item.standing is kind] for kind in Standing}
    if len(found) > MOST_LISTED:
        turned = f": {_in_points(counts[Standing.BELOW])}" if counts[Standing.BELOW] else ""
        return (
            f"Of {len(found)} differences {len(counts[Standing.ABOVE])} go the paper's way beyond "
            f"chance, {len(counts[Standing.OPEN])} are not told apart, "
            f"{len(counts[Standing.BELOW])} go the other way{turned}."
        )
    clear = counts[Standing.ABOVE] + counts[Standing.BELOW]
    spreads = {side.spread for item in found for side in (item.one, item.other) if side.spread}
    spread = ", ".join(
        f"± {100 * item.deviation:.2f} points ({count(item.rows, 'row')})"
        for item in sorted(spreads, key=lambda item: item.variance)
    )
    return _sentences(
        f"In points, with 95 % intervals: {_in_points(clear)}." if clear else "",
        f"Not told apart, with how many more seeds of each would decide: "
        f"{_in_points(counts[Standing.OPEN])}."
        if counts[Standing.OPEN]
        else "",
        f"Spread of single runs: {spread}.",
    )


def _in_points(found: Sequence[Contrast]) -> str:
    """`A over B +0.62 (+0.30 to +0.94), over C +0.05 (−0.10 to +0.20; 4 more)`."""
    parts, said = [], ""
    for item in found:
        chance = "spread not known"
        if item.reach is not None:
            low, high = (points(100 * (item.gap + side * item.reach)) for side in (-1, 1))
            chance = f"{low} to {high}"
            if item.standing is Standing.OPEN:
                chance += f"; {item.more_seeds or f'over {MOST_SEEDS}'} more"
        name = "" if item.one.name == said else f"{item.one.name} "
        said = item.one.name
        parts.append(f"{name}over {item.other.name} {points(100 * item.gap)} ({chance})")
    return ", ".join(parts)


def _not_in_the_papers(pairs: Sequence[tuple[Sample, Sample]]) -> str:
    """Where the paper's own figures do not show what it concludes."""
    against = [
        f"{one.name} over {other.name} ({points(100 * (one.paper - other.paper))})"
        for one, other in pairs
        if one.paper <= other.paper
    ]
    return f"The paper's own figures do not show {', '.join(against)}." if against else ""


def _reaches(claim: Claim, evidence: Evidence) -> Verdict:
    """One row above a figure."""
    (sample,), (least,) = evidence.samples(claim.rows), claim.figures
    if not sample.n:
        return Verdict(claim, Kind.NOT_ENOUGH_RUNS, needs([sample]), (sample,))
    figure = Estimate(percent(least), least, float("inf"), sample.spread)
    found = contrasts([(sample.estimate, figure)])
    kinds = {
        Standing.ABOVE: Kind.CONFIRMED,
        Standing.BELOW: Kind.NOT_CONFIRMED,
        Standing.OPEN: Kind.NOT_ENOUGH_RUNS,
    }
    text = _sentences(_listed([sample]), _differences(found), needs([sample]), claim.note)
    return Verdict(claim, kinds[found[0].standing], text, (sample,), tuple(found))


# Claims on cost


def _cost(claim: Claim, evidence: Evidence) -> Verdict:
    """The row takes the most multiply-adds, and something cheaper is no worse."""
    (costly,), samples = evidence.samples(claim.rows), evidence.samples(claim.over)
    others = [sample for sample in samples if sample is not costly]
    work = {sample: sample.analysis.multiply_adds for sample in samples}
    listed = ", ".join(f"{sample.name} {work[sample] / 1e6:.1f} million" for sample in samples)
    cost = f"Multiply-adds an image: {listed}."
    trained = [sample for sample in others if sample.n]
    if not costly.n or not trained:
        return Verdict(claim, Kind.NOT_ENOUGH_RUNS, _sentences(cost, needs(samples)), samples)
    found = contrasts([(costly.estimate, other.estimate) for other in trained])
    standings = [item.standing for item in found]
    if work[costly] < max(work.values()):
        kind = Kind.NOT_CONFIRMED
    elif Standing.BELOW in standings:  # something cheaper is clearly better
        kind = Kind.CONFIRMED
    elif len(trained) < len(others) or any(item.error is None for item in found):
        kind = Kind.NOT_ENOUGH_RUNS
    elif Standing.OPEN in standings:
        kind = Kind.PARTLY  # the cost is sure, and no gain over all the cheaper ones is shown
    else:
        kind = Kind.NOT_CONFIRMED
    best = max(trained, key=lambda sample: sample.mean)
    gain = (
        f"Against the best of the cheaper ones, {best.name}: "
        f"{points(100 * (costly.mean - best.mean))} points for "
        f"{work[costly] / work[best]:.1f} times the multiply-adds."
    )
    times = _times([costly, *trained])
    parts = (cost, times, _listed([costly, best]), _differences(found), gain, needs(samples))
    return Verdict(claim, kind, _sentences(*parts), samples, tuple(found))


def _times(samples: Sequence[Sample]) -> str:
    """The mean training times on one machine."""
    machine = shared_machine(samples)
    if machine is None:
        return (
            "No machine has trained all of these with the same number of threads, so times are "
            "not compared."
        )
    listed = ", ".join(
        f"{sample.name} {duration(sample.ours.seconds_on(machine))} "
        f"(n = {len(sample.ours.seconds[machine])})"
        for sample in samples
    )
    return f"Mean training time on {machine.host}, {machine.cores_text}: {listed}."


def _time_ratio(one: Sample, other: Sample) -> float | None:
    """How many times as long the first takes as the second, on one machine."""
    machine = shared_machine((one, other))
    first, second = (sample.ours.seconds_on(machine) for sample in (one, other))
    return first / second if first and second else None


def _papers_ratio(one: Sample, other: Sample) -> float:
    first, second = (sample.row.row.train_seconds for sample in (one, other))
    assert first and second, "the claim is of rows with times"
    return first / second


def _faster(claim: Claim, evidence: Evidence) -> Verdict:
    """Each row takes less time than the one it is held against."""
    pairs = list(zip(evidence.samples(claim.rows), evidence.samples(claim.over), strict=True))
    samples = tuple({item.name: item for pair in pairs for item in pair}.values())
    found = {pair: _time_ratio(*pair) for pair in pairs}
    ratios = {pair: ratio for pair, ratio in found.items() if ratio is not None}
    listed = ", ".join(
        f"{one.name} {100 * ratio:.0f} % of {other.name} (paper "
        f"{100 * _papers_ratio(one, other):.0f} %)"
        for (one, other), ratio in ratios.items()
    )
    faster = sum(ratio < 1 - ABOUT for ratio in ratios.values())
    if len(ratios) < len(pairs):
        kind = Kind.NOT_ENOUGH_RUNS
    elif faster == len(pairs):
        kind = Kind.CONFIRMED
    else:
        kind = Kind.PARTLY if faster else Kind.NOT_CONFIRMED
    timed = [sample for sample in samples if sample.ours.seconds]
    text = _sentences(_times(timed) if timed else "", f"Ratios: {listed}." if listed else "")
    return Verdict(claim, kind, _sentences(text, needs(samples), claim.note), samples)


def _ratio(claim: Claim, evidence: Evidence) -> Verdict:
    """A cheaper row against a dearer one: times and accuracies stand to each other as in the
    paper, whose accuracies are of one run each."""
    (cheap,), (dear,) = evidence.samples(claim.rows), evidence.samples(claim.over)
    pair = (cheap, dear)
    if not cheap.n or not dear.n:
        return Verdict(claim, Kind.NOT_ENOUGH_RUNS, needs(pair), pair)
    alone = [Estimate(item.name, item.paper, 1, item.spread) for item in pair]
    (found,) = contrasts([(cheap.estimate, dear.estimate)])
    (papers,) = contrasts([(alone[0], alone[1])])
    accuracy = f"In the paper {points(100 * papers.gap)} points by one run each"
    agrees = False
    if found.reach is not None and papers.reach is not None:
        chance = 100 * math.hypot(found.reach, papers.reach)
        apart = 100 * abs(found.gap - papers.gap)
        agrees = apart <= chance <= TELLING
        said = "which is within what runs differ by chance"
        if apart > chance:
            said = "which is not within what runs differ by chance"
        elif not agrees:
            said = "but runs differ by chance by too much to tell"
        accuracy += f", {said} (± {chance:.2f})"
    ratio, papers_ratio = _time_ratio(*pair), _papers_ratio(*pair)
    share = ""
    if ratio is None:
        kind = Kind.NOT_ENOUGH_RUNS
    else:
        share = f"That is {100 * ratio:.0f} % of the time, in the paper {100 * papers_ratio:.0f} %."
        close = abs(ratio - papers_ratio) <= ABOUT
        kind = Kind.CONFIRMED if agrees and close else Kind.PARTLY
        kind = Kind.NOT_CONFIRMED if ratio >= 1.0 else kind
    text = _sentences(
        _times(pair), share, _listed(pair), _differences([found]), f"{accuracy}.", needs(pair)
    )
    return Verdict(claim, kind, text, pair, (found,))


# Claims on single runs


def _vary(claim: Claim, evidence: Evidence) -> Verdict:
    """How far the runs of one row lie apart, against those that the paper names."""
    samples = evidence.samples(claim.rows)
    several = [sample for sample in samples if sample.n > 1]
    papers = max(claim.figures) - min(claim.figures)
    if not several:
        seen = _listed(samples)
        seen = _sentences(seen, "One run alone shows no spread.") if seen else ""
        return Verdict(claim, Kind.NOT_ENOUGH_RUNS, _sentences(seen, needs(samples)), samples)
    runs = [(sample, value) for sample in several for value in sample.ours.accuracies]
    widths = {item.name: max(item.ours.accuracies) - min(item.ours.accuracies) for item in several}
    widest = max(widths.values())
    dropped = sum(
        max(sample.ours.accuracies) - value > papers / 2 or value < min(claim.figures)
        for sample, value in runs
    )
    listed = ", ".join(f"{name} over {100 * width:.2f}" for name, width in widths.items())
    apart = f"In points from worst to best: {listed}; the paper's three over {100 * papers:.2f}."
    if dropped:
        drops = f"{dropped} of these {len(runs)} runs fell as the paper's third did."
    else:
        drops = (
            f"None of these {len(runs)} runs fell as the paper's third did: at most "
            f"{100 * share_interval(0, len(runs))[1]:.0f} % of runs do (95 % interval). If one in "
            f"three did, as of the paper's, {SHOWN_BY} runs would show one in 95 of 100 cases."
        )
    text = _sentences(_listed(several), apart, drops, needs(samples))
    if widest >= papers / 2:
        return Verdict(claim, Kind.CONFIRMED, text, samples)
    return Verdict(claim, Kind.PARTLY if widest > 1e-4 else Kind.NOT_CONFIRMED, text, samples)


def _collapse(claim: Claim, evidence: Evidence) -> Verdict:
    """How many of the runs of a row collapsed, and what share of all runs that allows."""
    (sample,) = evidence.samples(claim.rows)
    collapsed, total = sample.ours.collapsed, sample.total
    if not total:
        return Verdict(claim, Kind.NOT_ENOUGH_RUNS, needs([sample]), (sample,))
    parts = [f"Ours: {len(collapsed)} of {count(total, 'run')} collapsed{_answers(collapsed)}"]
    if sample.ours.diverged:
        parts.append(f"{sample.ours.diverged} diverged")
    if sample.n:
        alone = "it" if total == 1 else "the other"
        who = alone if sample.n == 1 else "they" if sample.n == total else "the others"
        parts.append(f"{who} ended at {sample.accuracy}")
    _, high = share_interval(len(collapsed), total)
    if len(collapsed) == total:
        kind = Kind.CONFIRMED
    elif collapsed or sample.ours.diverged:
        kind = Kind.PARTLY
    else:
        kind = Kind.NOT_CONFIRMED if high <= LIKELY else Kind.NOT_ENOUGH_RUNS
    text = _sentences("; ".join(parts) + ".", told_of_collapses(sample.ours), claim.note)
    return Verdict(claim, kind, text, (sample,))


def _answers(collapsed: Sequence[RunSummary]) -> str:
    """` (seeds 0–2 answer 1 to every image, seed 3 answers 0)`."""
    seeds: dict[int | None, list[int]] = {}
    for run in collapsed:
        seeds.setdefault(run.collapsed_to, []).append(run.seed)
    listed = ", ".join(
        f"{named_seeds(those)} {'answers' if len(those) == 1 else 'answer'} {digit}"
        for digit, those in seeds.items()
    )
    return f" ({listed} to every image)" if listed else ""


# Claims on how the best was chosen


def _flatters(claim: Claim, evidence: Evidence) -> Verdict:
    """How far the test accuracy of what it chose lies above that of what validation chose, whose
    test images had no part in the choice. Of one set of runs it cannot lie below.
    """
    samples = tuple(evidence.samples(claim.rows))
    models = {sample.row.row.preset for sample in samples}
    choices = [choice for choice in evidence.choices if choice.runs[0].preset in models]
    if not choices:
        words = (
            "Runs of several settings with validation tell: `mnist-workbench sweep cnn-2 "
            "--validation 0.15 --set learning_rate=0.001,0.002,0.005,0.01`."
        )
        return Verdict(claim, Kind.NOT_ENOUGH_RUNS, _sentences(words, needs(samples)), samples)
    parts = []
    for title in dict.fromkeys(choice.title for choice in choices):
        own = [choice for choice in choices if choice.title == title]
        best, chosen = (
            fmean(values) for values in zip(*((c.best, c.chosen) for c in own), strict=True)
        )
        by_seed = ", ".join(points(100 * (choice.best - choice.chosen)) for choice in own)
        parts.append(
            f"Of {count(len(own[0].runs), 'setting')} of {title} trained with validation "
            f"({named_seeds([choice.seed for choice in own])}), the best by test reaches "
            f"{percent(best)}, the one that validation chose {percent(chosen)}: by seed "
            f"{by_seed} points."
        )
    gap = fmean(choice.best - choice.chosen for choice in choices)
    flatters = f"Choosing by the test images flatters by {100 * gap:.2f} points here."
    kind = Kind.NOT_CONFIRMED if gap > 0 else Kind.CONFIRMED
    return Verdict(claim, kind, _sentences(flatters, *parts, claim.note), samples)


# What all of them say


def _listed(samples: Iterable[Sample]) -> str:
    """Each row's accuracy, once."""
    named = {sample.name: sample.accuracy for sample in samples if sample.n}
    return f"Ours: {', '.join(f'{name} {text}' for name, text in named.items())}." if named else ""


def _sentences(*parts: str) -> str:
    """Sentences one after the other, without those that are empty."""
    return " ".join(part for part in parts if part)


_JUDGES: dict[Judge, Callable[[Claim, Evidence], Verdict]] = {
    "above": _ordered,
    "best": _ordered,
    "ranking": _ordered,
    "reaches": _reaches,
    "cost": _cost,
    "vary": _vary,
    "collapse": _collapse,
    "faster": _faster,
    "ratio": _ratio,
    "flatters": _flatters,
}
