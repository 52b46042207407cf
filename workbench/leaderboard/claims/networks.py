"""Section 2.3: depth."""

from __future__ import annotations

from workbench.leaderboard.claims.claim import Claim, Kind, Verdict, needs, sentences
from workbench.leaderboard.claims.contrast import Standing, borrowed, difference, standing
from workbench.leaderboard.claims.evidence import Evidence
from workbench.leaderboard.claims.sample import Sample
from workbench.leaderboard.wording import points

DEEPER = Claim(
    "deeper-networks",
    "Deeper NNs beat shallow ones",
    "2.3",
    3,
    "Networks of two hidden layers are more accurate than those of one.",
)


def check_deeper(evidence: Evidence) -> Verdict:
    """Every deeper network of Table 3 against every shallower one."""
    samples = evidence.samples(3)
    depths = [_hidden_layers(sample) for sample in samples]
    deep = [sample for sample, depth in zip(samples, depths, strict=True) if depth > min(depths)]
    shallow = [sample for sample in samples if sample not in deep]
    pairs = [(one, other) for one in deep for other in shallow if one.n and other.n]
    spread = evidence.spread(3)
    found = [standing(one, other, spread) for one, other in pairs]
    kind = _kind(found, len(deep) * len(shallow))
    if not pairs:
        return Verdict(kind, needs(samples), tuple(samples))
    nearest = min(pairs, key=lambda pair: difference(*pair))
    numbers = (
        f"Ours{_size(samples)}: {_listed(deep, samples)} against {_listed(shallow, samples)}; "
        "the smallest gap is "
        f"{points(difference(*nearest))} points ({nearest[0].name} over {nearest[1].name}), "
        f"{found.count(Standing.ABOVE)} of {len(pairs)} comparisons lie beyond the spread."
    )
    wider = (
        "The deeper ones are wider too "
        f"({_parameters(deep)} parameters against {_parameters(shallow)}), "
        "so this does not tell depth from size."
    )
    text = sentences(numbers, borrowed(spread, samples), needs(samples), wider)
    return Verdict(kind, text, tuple(samples))


def _kind(found: list[Standing], wanted: int) -> Kind:
    above, below = found.count(Standing.ABOVE), found.count(Standing.BELOW)
    if below:
        return Kind.PARTLY if above else Kind.NOT_BORNE_OUT
    if len(found) < wanted or not above:
        return Kind.NOT_JUDGED
    return Kind.BORNE_OUT if above == wanted else Kind.PARTLY


def _hidden_layers(sample: Sample) -> int:
    return sum(facts.layer.kind == "Dense" for facts in sample.analysis.layers) - 1


def _size(samples: list[Sample]) -> str:
    """The size of all samples where it is the same: said once, not four times."""
    sizes = {sample.size for sample in samples if sample.n}
    return f" ({sizes.pop()} each)" if len(sizes) == 1 else ""


def _listed(samples: list[Sample], all_samples: list[Sample]) -> str:
    once = _size(all_samples)
    return " and ".join(
        f"{sample.name} {sample.spread if once else sample.accuracy}"
        for sample in samples
        if sample.n
    )


def _parameters(samples: list[Sample]) -> str:
    counts = [f"{sample.analysis.parameters:,}" for sample in samples]
    return " and ".join(counts)
