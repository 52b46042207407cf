"""Whether a row is the best of its table."""

from __future__ import annotations

from workbench.leaderboard.claims.claim import Kind, Verdict, needs, sentences
from workbench.leaderboard.claims.contrast import (
    Spread,
    Standing,
    borrowed,
    difference,
    least_clear,
    standing,
)
from workbench.leaderboard.claims.evidence import Evidence
from workbench.leaderboard.claims.sample import Sample
from workbench.leaderboard.wording import percent, points


def papers_best(samples: list[Sample]) -> Sample:
    """The row in which the paper's accuracy is the highest."""
    return max(samples, key=lambda sample: sample.row.row.accuracy)


def check_best(evidence: Evidence, number: int, *, best_of_n: bool = False) -> Verdict:
    """The row that is the best of a table in the paper, against all its other rows.

    `best_of_n` says the best runs too, as the paper goes by them in Table 6.
    """
    samples = evidence.samples(number)
    champion = papers_best(samples)
    rivals = [sample for sample in samples if sample is not champion]
    trained = [sample for sample in rivals if sample.n]
    if not champion.n or not trained:
        return Verdict(Kind.NOT_JUDGED, needs(samples), tuple(samples))
    spread = evidence.spread(number)
    found = [standing(champion, sample, spread) for sample in trained]
    everyone = all(sample.ran for sample in rivals)
    # A rival of which every run was lost is beaten.
    lost = [sample for sample in rivals if sample.ran and not sample.n]
    kind = _kind(found, len(lost), everyone=everyone)
    trained.sort(key=lambda sample: sample.mean, reverse=True)
    first = trained[0]
    numbers = (
        f"Ours: {champion.name} {champion.accuracy}; the best of the others is {first.name} "
        f"{first.accuracy}, a difference of {points(difference(champion, first))} points."
    )
    text = sentences(
        numbers,
        _told_apart(champion, trained, spread),
        _best_runs(champion, trained) if best_of_n else "",
        borrowed(spread, [champion, *trained]),
        needs(samples),
    )
    return Verdict(kind, text, tuple(samples))


def _kind(found: list[Standing], beaten: int, *, everyone: bool) -> Kind:
    if Standing.BELOW in found:
        return Kind.NOT_BORNE_OUT
    above = found.count(Standing.ABOVE) + beaten
    if not everyone or not above:
        return Kind.NOT_JUDGED
    return Kind.BORNE_OUT if Standing.OPEN not in found else Kind.PARTLY


def _told_apart(champion: Sample, rivals: list[Sample], spread: Spread | None) -> str:
    """Which rows it beats, which beat it, and which cannot be told from it."""
    # Where no spread is known there is nothing to be within or beyond of.
    judged = [rival for rival in rivals if least_clear(champion, rival, spread) is not None]
    words = {
        Standing.ABOVE: "it lies above {} by more than runs differ",
        Standing.BELOW: "it lies below {} by more than runs differ",
        Standing.OPEN: "it cannot be told from {} by these runs",
    }
    parts = []
    for kind, word in words.items():
        names = [rival.name for rival in judged if standing(champion, rival, spread) is kind]
        if names:
            whole = len(names) == len(rivals) > 1
            parts.append(word.format("all the others" if whole else ", ".join(names)))
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _best_runs(champion: Sample, trained: list[Sample]) -> str:
    if all(sample.n == 1 for sample in (champion, *trained)):
        return ""
    leader = max(trained, key=lambda sample: sample.best)
    return (
        f"Best runs: {percent(champion.best)} (of {champion.n}) against "
        f"{percent(leader.best)} of {leader.name} (of {leader.n})."
    )
