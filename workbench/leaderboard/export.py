"""A table as text for a file: markdown, which shows what went in, LaTeX, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
import re

from workbench.leaderboard.table import Table, fitted_table, hidden_columns, shortened
from workbench.text import json_text, one_line, visible

# All that could begin markup inside a line: code, emphasis, links, HTML, entities,
# strikethrough, formulas, cell borders.
_SPECIAL = re.compile(r"[\\`*_\[\]<>&~$|]")
# Padding makes the source readable; a long note in one row must not pad all the others.
WIDEST_PADDING = 40


def escaped(text: str) -> str:
    """A text as markdown that shows exactly this text, on one line."""
    return _SPECIAL.sub(r"\\\g<0>", one_line(text))


def table_lines(table: Table) -> list[str]:
    """The table alone, without title and footnotes; one line a row.

    Columns of lesser weight that say nothing are left out.
    """
    places = table.filled_columns()
    heads = [escaped(table.headings[place].text) for place in places]
    rows = [[escaped(row[place].text) for place in places] for row in table.rows]
    right = [table.headings[place].right for place in places]
    widths = [
        max(3, *(min(len(text), WIDEST_PADDING) for text in column))
        for column in zip(heads, *rows, strict=True)
    ]

    def line(texts: list[str]) -> str:
        padded = (
            text.rjust(width) if to_right else text.ljust(width)
            for text, width, to_right in zip(texts, widths, right, strict=True)
        )
        return f"| {' | '.join(padded)} |"

    rule = [
        "-" * (width - 1) + ":" if to_right else "-" * width
        for width, to_right in zip(widths, right, strict=True)
    ]
    return [line(heads), line(rule), *(line(row) for row in rows)]


def to_markdown(table: Table, level: int = 2) -> str:
    """Heading, table and footnotes, ending in a newline."""
    parts = [f"{'#' * level} {escaped(table.title)}"]
    parts.append("\n".join(table_lines(table)) if table.rows else f"*{escaped(table.empty)}*")
    notes = table.notes(table.filled_columns())
    if notes:
        parts.append("\n".join(f"- {escaped(note)}" for note in notes))
    return "\n\n".join(parts) + "\n"


# LaTeX: a `table` with a plain `tabular`, which needs no package and fits the page. It compiles
# with pdfLaTeX of 2020 or later, XeLaTeX and LuaLaTeX. Letters of other scripts (in a note) are
# left as they are; the latter two set them.


# Letters that a page is wide in the smallest letters; columns beyond it are named in a comment.
PAGE_WIDTH = 104
# LaTeX itself measures the table and takes the largest of these letters in which it fits.
_SMALLER = (r"\footnotesize\tabcolsep=4pt", r"\scriptsize\tabcolsep=3pt", r"\tiny\tabcolsep=2pt")

_REPLACEMENTS = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    "-": r"{-}",  # else two of them become a dash
    "[": r"{[}",  # after \\ a bracket would be read as its argument
    "]": r"{]}",
    "−": r"$-$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "–": r"--",
    "—": r"---",
    "…": r"\ldots{}",
    "·": r"$\cdot$",
    "→": r"$\rightarrow$",
    "≥": r"$\geq$",
    "≤": r"$\leq$",
    "\N{REPLACEMENT CHARACTER}": "?",
    **{mark: f"$^{number}$" for number, mark in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
}
_LATEX = str.maketrans(_REPLACEMENTS)


def latex_escaped(text: str) -> str:
    """A text as LaTeX that sets exactly this text."""
    # Two apostrophes would become a closing quotation mark.
    return re.sub("'(?=')", "'{}", one_line(text).translate(_LATEX))


def to_latex(table: Table) -> str:
    """A floating table with title and footnotes, ending in a newline."""
    places = list(fitted_table(table, PAGE_WIDTH, cut=False))
    if hidden_columns(table, places):
        table = shortened(table)
        places = list(fitted_table(table, PAGE_WIDTH, cut=False))
    hidden = hidden_columns(table, places)
    headings = [table.headings[place] for place in places]
    columns = "".join("r" if heading.right else "l" for heading in headings)
    lines = [f"% Left out for the width of a page: {', '.join(hidden)}"] if hidden else []
    lines += [
        r"\begin{table}[ht]",
        r"\centering",
        r"\small",
        rf"\caption{{{latex_escaped(table.title)}}}",
        rf"\def\results{{\begin{{tabular}}{{{columns}}}",
        r"\hline",
        _latex_line([heading.text for heading in headings]),
        r"\hline",
        *(_latex_line([row[place].text for place in places]) for row in table.rows),
        r"\hline",
        r"\end{tabular}}",
        r"\sbox0{\results}",
        *(rf"\ifdim\wd0>\linewidth{size}\sbox0{{\results}}\fi" for size in _SMALLER),
        r"\usebox0",
    ]
    notes = table.notes(places)
    if notes:
        lines += ["", r"\par\smallskip", r"{\footnotesize"]
        lines += [rf"{latex_escaped(note)}\par" for note in notes]
        lines.append("}")
    lines.append(r"\end{table}")
    return "\n".join(lines) + "\n"


def _latex_line(texts: list[str]) -> str:
    return " & ".join(latex_escaped(text) for text in texts) + r" \\"


# CSV and JSON: the records, under their documented names


def to_csv(table: Table) -> str:
    """One line a record; numbers as they are, missing values empty, lists joined by spaces.

    The columns are all names of records, in the order they first appear; without records there are
    no lines at all.
    """
    rows = table.records
    names = list(dict.fromkeys(name for row in rows for name in row))
    if not names:
        return ""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _text(value) for name, value in row.items()} for row in rows)
    return buffer.getvalue()


def _text(value: object) -> object:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case list() | tuple():
            return one_line(" ".join(str(item) for item in value))
        case dict():
            return json_text(value, indent=None)
        case str():
            return visible(value, keep="\r\n\t")  # which CSV quotes, and reads back
    return value


def to_json(table: Table) -> str:
    """The records as one JSON list, ending in a newline; values not finite are null."""
    from pydantic_core import to_json as dump

    # By way of pydantic: it alone writes a NaN as null.
    plain = json.loads(dump(list(table.records), inf_nan_mode="null"))
    return json_text(plain) + "\n"
