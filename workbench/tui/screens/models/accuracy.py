"""The paper's accuracy and ours so far, in a few lines."""

from __future__ import annotations

from textual.content import Content

from workbench.formats import count, percent, percent_spread, points
from workbench.tui.screens.models.catalogue import Entry
from workbench.tui.screens.models.columns import left, right
from workbench.tui.screens.models.standing import Standing

LABEL, VALUE = 11, 9
VERDICTS = {True: "✓ within our spread", False: "≠ outside our spread"}


def accuracy_lines(entry: Entry, standing: Standing) -> Content:
    """One fact a line, values right-aligned: for the panel of a wide window."""
    paper, mean, deviation, n = _numbers(entry, standing)
    if entry.problem is not None:
        return Content.styled("cannot be trained", "$muted")
    lines = []
    if paper is not None:
        lines.append(_line("paper", percent(paper)))
    if entry.is_unread:
        return Content("\n").join(lines)
    if mean is None:
        lines += [_line("ours", "–"), Content.styled(_without_mean(standing), "$muted")]
        lines.append(Content.styled("press t to train it", "$muted"))
    else:
        lines.append(_line("ours", percent(mean), "bold"))
        if deviation is not None:
            lines.append(_line("", f"± {100 * deviation:.2f}  "))
        lines.append(_line("runs", f"{n}  "))
        if paper is not None:
            lines.append(_line("difference", f"{points(100 * (mean - paper))}  "))
            lines.append(_verdict(standing))
    half = standing.bfloat16
    if half is not None and half.mean is not None and len(lines) < 7:
        lines.append(_line("bfloat16", percent(half.mean)))
    return Content("\n").join(lines)


def accuracy_sentence(entry: Entry, standing: Standing) -> Content:
    """The same in two short lines: for a narrow window."""
    paper, mean, deviation, n = _numbers(entry, standing)
    if entry.problem is not None:
        return Content.styled("cannot be trained", "$muted")
    first = [("paper ", "$muted"), (percent(paper), "")] if paper is not None else []
    if entry.is_unread:
        return Content.assemble(*first)
    if mean is None or n is None:
        first.append((f"   {_without_mean(standing)}", "$muted"))
        second = Content.styled("press t to train it", "$muted")
    else:
        ours = percent_spread(mean, deviation)
        first += [("   ours " if first else "ours ", "$muted"), (ours, "bold")]
        runs = count(n, "run")
        text = f"{runs}, " + (points(100 * (mean - paper)) + "  " if paper is not None else "")
        second = Content.assemble((text.rstrip(", ") + " ", "$muted"), _verdict(standing))
    return Content("\n").join([Content.assemble(*first), second])


def _numbers(
    entry: Entry, standing: Standing
) -> tuple[float | None, float | None, float | None, int | None]:
    ours = standing.ours
    paper = entry.paper_accuracy
    return (paper, ours.mean, ours.deviation, ours.n) if ours else (paper, None, None, None)


def _without_mean(standing: Standing) -> str:
    """Why there is no accuracy of ours."""
    ours = standing.ours
    if ours is not None and ours.collapsed:
        return ours.collapsed_text
    if ours is not None and ours.diverged:
        return f"diverged in {ours.diverged} of {ours.diverged}"
    return "not trained yet"


def _line(label: str, value: str, style: str = "") -> Content:
    return Content.assemble((left(label, LABEL), "$muted"), (right(value, VALUE), style))


def _verdict(standing: Standing) -> Content:
    if standing.within is None:
        n = standing.ours.n if standing.ours is not None else 0
        reasons = {1: "one run: no spread", 2: "two runs: too few"}
        return Content.styled(reasons.get(n, ""), "$muted")
    return Content.styled(VERDICTS[standing.within], "$success" if standing.within else "$warning")
