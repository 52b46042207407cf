r"""LaTeX: a `table` with a plain `tabular`, which needs no package and fits the page.

It compiles with pdfLaTeX of 2020 or later, XeLaTeX and LuaLaTeX. Letters of other scripts
(in a note) are left as they are; the latter two set them.
"""

from __future__ import annotations

import re

from workbench.leaderboard.fitting import fitted_table, hidden_columns, shortened
from workbench.leaderboard.table import Align, Table
from workbench.text import one_line

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
# Two apostrophes would become a closing quotation mark.
_SPECIAL = re.compile("|".join(re.escape(letter) for letter in _REPLACEMENTS) + "|'(?=')")


def escaped(text: str) -> str:
    """A text as LaTeX that sets exactly this text."""
    return _SPECIAL.sub(lambda match: _REPLACEMENTS.get(match[0], "'{}"), one_line(text))


def to_latex(table: Table) -> str:
    """A floating table with title and footnotes, ending in a newline."""
    places = list(fitted_table(table, PAGE_WIDTH, cut=False))
    if hidden_columns(table, places):
        table = shortened(table)
        places = list(fitted_table(table, PAGE_WIDTH, cut=False))
    hidden = hidden_columns(table, places)
    headings = [table.headings[place] for place in places]
    columns = "".join("r" if heading.align is Align.RIGHT else "l" for heading in headings)
    lines = [f"% Left out for the width of a page: {', '.join(hidden)}"] if hidden else []
    lines += [
        r"\begin{table}[ht]",
        r"\centering",
        r"\small",
        rf"\caption{{{escaped(table.title)}}}",
        rf"\def\results{{\begin{{tabular}}{{{columns}}}",
        r"\hline",
        _line([heading.text for heading in headings]),
        r"\hline",
        *(_line([row[place].text for place in places]) for row in table.rows),
        r"\hline",
        r"\end{tabular}}",
        r"\sbox0{\results}",
        *(rf"\ifdim\wd0>\linewidth{size}\sbox0{{\results}}\fi" for size in _SMALLER),
        r"\usebox0",
    ]
    notes = table.notes(places)
    if notes:
        lines += ["", r"\par\smallskip", r"{\footnotesize"]
        lines += [rf"{escaped(note)}\par" for note in notes]
        lines.append("}")
    lines.append(r"\end{table}")
    return "\n".join(lines) + "\n"


def _line(texts: list[str]) -> str:
    return " & ".join(escaped(text) for text in texts) + r" \\"
