"""Tables written out and read back."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.cells import cell_len
from rich.console import Console

from tests.leaderboard.conftest import DEFAULTS
from workbench.formats import duration, percent_spread, points, seeds_text
from workbench.leaderboard.columns import sort_runs
from workbench.leaderboard.document import brief, document, provenance
from workbench.leaderboard.export import latex_escaped, to_csv, to_json, to_latex, to_markdown
from workbench.leaderboard.grouping import group_runs, ranked
from workbench.leaderboard.judges import claims_table
from workbench.leaderboard.paper import compare, compare_all
from workbench.leaderboard.table import RIGHT, Heading, Table, TableView, cell, one_line
from workbench.leaderboard.transfer import read_entries
from workbench.leaderboard.views import grouped_table, imported_table, leaderboard_table, paper_view
from workbench.model.tables import paper_table, paper_tables
from workbench.runs.status import Status
from workbench.runs.summary import RunSummary
from workbench.text import visible

MakeSummary = Callable[..., RunSummary]

HOSTILE = [
    "a | b || c",
    "`code` and ``more``",
    "*bold* _it_ __x__ ~~gone~~",
    "<script>alert(1)</script> <br> <!-- -->",
    "[link](http://x) ![img](y) [ref]",
    "&amp; &#124; &lt;",
    "back\\slash \\| \\\\",
    "ends with \\",
    "line one\nline two\r\nthree",
    "| --- | --- |",
    "# heading - item 1. item",
    "$x^2$ 100% {a} #1",
    "\x1b[31mred\x1b[0m \u202eturned",
    "größer 数 🎉",
    "https://example.org/a_b_c",
    "---",
]


def cells_of(markdown: str) -> list[list[list[str]]]:
    """The tables that a GitHub-flavoured parser finds, as texts."""
    tokens = MarkdownIt("commonmark").enable("table").enable("strikethrough").parse(markdown)
    tables: list[list[list[str]]] = []
    for place, token in enumerate(tokens):
        match token.type:
            case "table_open":
                tables.append([])
            case "tr_open":
                tables[-1].append([])
            case "th_open" | "td_open":
                tables[-1][-1].append(plain(tokens[place + 1]))
    return tables


def plain(inline: Token) -> str:
    for child in inline.children or []:
        assert child.type in ("text", "text_special"), child.type
    return "".join(child.content for child in inline.children or [])


def small(texts: list[str]) -> Table:
    return Table(
        title="T",
        headings=(Heading("First"), Heading("Second | x", RIGHT)),
        rows=tuple((cell(text), cell("end")) for text in texts),
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_cells_come_back(text: str) -> None:
    (table,) = cells_of(to_markdown(small([text])))
    assert table == [["First", "Second | x"], [one_line(text), "end"]]


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_markdown_cells_come_back_whatever_they_are(texts: list[str]) -> None:
    (table,) = cells_of(to_markdown(small(texts)))
    assert [row[0] for row in table[1:]] == [one_line(text) for text in texts]
    assert all(len(row) == 2 for row in table)


@given(st.text())
def test_one_line_is_one_line_without_control_characters(text: str) -> None:
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in line)


@pytest.fixture
def runs(make_summary: MakeSummary, paper_summary: MakeSummary) -> list[RunSummary]:
    return [
        paper_summary(3, 0, 0.9516),
        paper_summary(3, 0, 0.9535, 1),
        paper_summary(7, 7, 0.1135),
        paper_summary(7, 7, None, 1, diverged=True, status=Status.FAILED),
        paper_summary(7, 5, 0.9918, precision="bfloat16"),
        *(make_summary(note=text, tags=("a|b", "x_y")) for text in HOSTILE),
    ]


def test_the_leaderboard_as_markdown(runs: list[RunSummary]) -> None:
    view = leaderboard_table(runs)
    (table,) = cells_of(to_markdown(view))
    assert table[0] == [heading.text for heading in view.headings]
    assert table[1:] == [[item.text for item in row] for row in view.rows]
    assert table[1][3] == "95.16 %"
    assert table[3][4] == "collapsed to 1"
    assert table[4][3:5] == ["–", "diverged"]


def test_columns_without_text_are_left_out(make_summary: MakeSummary) -> None:
    (table,) = cells_of(to_markdown(leaderboard_table([make_summary()])))
    assert "Note" not in table[0] and "Tags" not in table[0]


def test_the_document_holds_every_table(runs: list[RunSummary]) -> None:
    text = document(runs)
    tables = cells_of(text)
    # Five of the paper and its claims, three again with the bfloat16 run, groups, all runs.
    assert len(tables) == 6 + 4 + 2
    titles = re.findall(r"^### Table (\d):", text, re.MULTILINE)
    assert titles == ["3", "6", "7", "8", "9", "7", "8", "9"]
    assert "A Processor, 2 cores, TensorFlow 2.21.0, Keras 3.15.0" in text
    assert text == document(runs)


def test_the_document_says_how_many_threads_a_run_had(make_summary: MakeSummary) -> None:
    text = document([make_summary(), make_summary(threads=1)])
    assert "A Processor, 2 cores, TensorFlow" in text
    assert "A Processor, 2 cores (1 thread a run), TensorFlow" in text


def test_the_document_without_runs() -> None:
    text = document([])
    assert len(cells_of(text)) == 6
    assert "No runs yet" in text


def test_csv_comes_back(runs: list[RunSummary]) -> None:
    text = to_csv(leaderboard_table(runs))
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(rows) == len(runs)
    for row, run in zip(rows, runs, strict=True):
        # Exactly, but for what a terminal would obey when the file is looked at.
        assert row["note"] == visible(run.note, keep="\r\n\t")
        assert row["tags"].split() == list(run.tags)
        accuracy = float(row["test_accuracy"]) if row["test_accuracy"] else None
        assert accuracy == run.test_accuracy
        assert row["diverged"] == ("true" if run.diverged else "false")
    assert "−" not in text.splitlines()[1]


def test_csv_of_groups_and_papers_tables(runs: list[RunSummary]) -> None:
    groups = to_csv(grouped_table(group_runs(runs)))
    assert next(csv.DictReader(io.StringIO(groups)))["n"] == "2"
    table = to_csv(paper_view(compare_all(runs)[0]))
    assert next(csv.DictReader(io.StringIO(table)))["paper_accuracy"] == "0.9514"
    assert not set("−±") & set(groups + table)
    assert to_csv(leaderboard_table([])) == ""


def test_json_is_the_documented_records(runs: list[RunSummary]) -> None:
    listed = json.loads(to_json(leaderboard_table(runs)))
    assert [RunSummary.model_validate(item) for item in listed] == runs
    documented = (
        "run_id preset status test_accuracy test_loss best_epoch_test_accuracy epochs batch_size "
        "optimizer learning_rate seed precision parameters train_seconds images_per_second "
        "started_at"
    )
    assert set(documented.split()) <= set(listed[0])
    assert json.loads(to_json(leaderboard_table([]))) == []
    groups = json.loads(to_json(grouped_table(group_runs(runs))))
    assert groups[0]["n"] == 2
    assert groups[0]["paper_accuracy"] == 0.9514
    for comparison in compare_all(runs):
        found = json.loads(to_json(paper_view(comparison)))
        assert len(found) == len(comparison.rows)


def test_latex_escapes_every_special() -> None:
    text = latex_escaped('50% of $5 & #1_a {x} ~ ^ \\ <b> | "q" − ± ²')
    bare = re.sub(r"\\text[a-z]+\{\}|\\pm|\\[%$&#_{}]|\$(-|\\pm|\^2)?\$|\$\^\d\$", "", text)
    assert not re.search(r'[%$&#_~^\\<>|"{}]', bare), bare


def test_latex_keeps_letters_apart() -> None:
    assert latex_escaped("the paper's -- ''") == "the paper's {-}{-} '{}'"


@given(st.text())
def test_latex_braces_balance(text: str) -> None:
    bare = re.sub(r"\\[{}]", "", latex_escaped(text))
    assert bare.count("{") == bare.count("}")


def test_latex_tables(runs: list[RunSummary]) -> None:
    for table in (leaderboard_table(runs), *(paper_view(part) for part in compare_all(runs))):
        text = to_latex(table)
        (columns,) = re.findall(r"\\begin\{tabular\}\{([lr]+)\}", text)
        assert text.index(r"\ifdim\wd0>\linewidth\tiny") < text.index(r"\usebox0")
        lines = [line for line in text.splitlines() if line.endswith(r" \\")]
        assert len(lines) == len(table.rows) + 1
        for line in lines:
            assert len(re.findall(r"(?<!\\)&", line)) == len(columns) - 1


def test_the_readmes_results_are_those_of_the_published_runs() -> None:
    """`mnist-workbench export --with docs/reproduction.json --brief` writes them anew."""
    root = Path(__file__).parents[2]
    _, _, rest = (root / "README.md").read_text("utf-8").partition("<!-- results -->\n")
    written, mark, _ = rest.partition("<!-- /results -->\n")
    assert mark
    assert written == brief(read_entries(root / "docs" / "reproduction.json"))


def test_in_brief(paper_summary: MakeSummary) -> None:
    by_epoch = (0.955, 0.967, 0.9787)
    runs = [
        paper_summary(6, 2, 0.9787, epochs=3, epoch_test_accuracies=by_epoch),
        paper_summary(7, 7, 0.1135, 0),
        paper_summary(7, 7, 0.97, 1),
    ]
    text = brief(runs)
    parsed = MarkdownIt("gfm-like", {"linkify": False}).parse(text)
    assert sum(token.type == "tr_open" for token in parsed) == 1 + 22 + 1 + 16
    assert (
        "- **CNN model 1.2** (Table 6): 97.87 %, paper 96.79 %: +1.08. After each epoch: "
        "95.50 %, 96.70 %, 97.87 % (n = 1). Paper: the same figure" in text
    )
    assert "- **Adam at 0.01** (Table 7): 97.00 %, paper 11.35 %, collapsed; 1 of 2" in text
    assert "Of all seeds 1 to 99 % collapse" in text
    assert "**NN model" not in text


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex here")
def test_latex_fits_the_narrowest_page(
    tmp_path: Path, paper_summary: Callable[..., RunSummary]
) -> None:
    """Every table of the paper, with several runs of each row, in article's 345 pt."""
    rows = [(table, place) for table in paper_tables() for place in range(len(table.rows))]
    summaries = [
        paper_summary(table.number, place, 0.9712 + 0.0013 * seed, seed)
        for table, place in rows
        for seed in range(3)
    ]
    tables = [paper_view(part) for part in compare_all(summaries)]
    tables += [grouped_table(group_runs(summaries)), leaderboard_table(summaries)]
    parts = "\\clearpage\n".join(map(to_latex, tables))
    source = f"\\documentclass{{article}}\n\\begin{{document}}\n{parts}\\end{{document}}\n"
    (tmp_path / "all.tex").write_text(source, "utf-8")
    done = subprocess.run(
        ["pdflatex", "-interaction=batchmode", "-halt-on-error", "all.tex"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    log = (tmp_path / "all.log").read_text("utf-8", "replace")
    assert done.returncode == 0, log[-2000:]
    assert "Overfull" not in log


def test_latex_cuts_no_text_to_measure_it() -> None:
    """The architectures of Table 6 are longer than any terminal's column, and stand whole."""
    text = to_latex(paper_view(compare(paper_table(6), [])))
    assert "Left out for the width of a page: Architecture" in text


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_the_terminal_is_never_overrun(runs: list[RunSummary], width: int) -> None:
    tables = [
        leaderboard_table(runs),
        grouped_table(group_runs(runs)),
        *(paper_view(part) for part in compare_all(runs)),
    ]
    for table in tables:
        console = Console(width=width, file=io.StringIO(), legacy_windows=False)
        console.print(TableView(table))
        assert isinstance(console.file, io.StringIO)
        text = console.file.getvalue()
        assert all(cell_len(line) <= width for line in text.splitlines())
        assert "\x1b" not in text


def test_80_columns_show_what_matters(runs: list[RunSummary]) -> None:
    console = Console(width=80, file=io.StringIO())
    console.print(TableView(leaderboard_table(runs[:5])))
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    heading = next(line for line in lines if "Accuracy" in line)
    for name in ("Run", "Model", "Status", "Optimizer", "LR"):
        assert name in heading
    assert "…" not in "".join(lines[:8])
    assert any("✗ diverged" in line for line in lines)
    assert any(line.startswith("Not shown at this width: ") for line in lines)


def test_nothing_to_show() -> None:
    console = Console(width=80, file=io.StringIO())
    console.print(TableView(leaderboard_table([])))
    assert isinstance(console.file, io.StringIO)
    assert "no runs here yet" in console.file.getvalue()
    assert "no runs here yet" in to_markdown(leaderboard_table([]))


def test_wording() -> None:
    assert [points(value) for value in (0.02, -1.3, 0.0, -0.001, None)] == [
        "+0.02", "−1.30", "0.00", "0.00", "–",
    ]  # fmt: skip
    assert [duration(value) for value in (8.24, 59.96, 852, 3599.7, 7500, None)] == [
        "8.2 s", "1 min 00 s", "14 min 12 s", "1 h 00 min", "2 h 05 min", "–",
    ]  # fmt: skip
    assert percent_spread(0.9747, 0.0003) == "97.47 ± 0.03 %"
    assert percent_spread(0.9747, None) == "97.47 %"
    assert percent_spread(None, None) == "–"
    assert seeds_text((0, 1, 2, 3, 7, 9, 10)) == "0–3, 7, 9–10"
    assert seeds_text(()) == "–"


# Documents, as GitHub's own grammar reads them


def sections(markdown: str) -> list[tuple[str, list[list[str]] | None]]:
    """The headings of a document in order, each with the cells of the table below it."""
    tokens = MarkdownIt("commonmark").enable("table").enable("strikethrough").parse(markdown)
    found: list[tuple[str, list[list[str]] | None]] = []
    tables = iter(cells_of(markdown))
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            found.append((plain(tokens[place + 1]), None))
        elif token.type == "table_open":
            title, before = found[-1]
            assert before is None, f"two tables under {title!r}"
            found[-1] = (title, next(tables))
    assert next(tables, None) is None
    return found


def as_cells(table: Table) -> list[list[str]]:
    """What a table's markdown is to give back."""
    places = table.filled_columns()
    rows = [[row[place].text for place in places] for row in table.rows]
    return [[table.headings[place].text for place in places], *rows]


def every_table(runs: list[RunSummary], imported: list[RunSummary]) -> list[Table]:
    half = [part for part in compare_all(runs, "bfloat16", imported) if part.trained]
    return [
        *(paper_view(part) for part in compare_all(runs, imported=imported)),
        claims_table(runs),
        *(paper_view(part) for part in half),
        claims_table(runs, "bfloat16"),
        grouped_table(ranked(group_runs(runs)), "By settings"),
        leaderboard_table(sort_runs(runs), "All runs"),
        imported_table(sort_runs(imported)),
    ]


def test_every_table_of_the_document_comes_back(
    runs: list[RunSummary], paper_summary: MakeSummary, make_summary: MakeSummary
) -> None:
    imported = [
        paper_summary(3, 0, 0.9524, host="el|se `where`"),
        *(make_summary(preset=text, note=text, host=text) for text in HOSTILE),
    ]
    text = document(runs, "Ours | *theirs*\n# `x`", imported)
    found = sections(text)
    assert found[0] == ("Ours | *theirs* # `x`", None)
    tables = [(title, cells) for title, cells in found if cells is not None]
    expected = [(table.title, as_cells(table)) for table in every_table(runs, imported)]
    assert tables == expected
    # Nothing of a cell became a heading, a quotation, code or HTML between the tables.
    tokens = MarkdownIt("commonmark").enable("table").enable("strikethrough").parse(text)
    kinds = {token.type for token in tokens}
    assert not kinds & {"fence", "code_block", "html_block", "blockquote_open", "hr"}
    inline = [child for token in tokens for child in token.children or []]
    code = {child.content for child in inline if child.type == "code_inline"}
    assert code == {"mnist-workbench export"}
    assert {child.type for child in inline} <= {"text", "text_special", "code_inline", "softbreak"}


@pytest.mark.parametrize("number", [3, 6, 7, 8, 9])
def test_every_table_of_the_paper_comes_back(
    runs: list[RunSummary], paper_summary: MakeSummary, number: int
) -> None:
    imported = [paper_summary(number, 0, 0.95), paper_summary(number, 1, None, diverged=True)]
    for theirs in ([], imported):
        for comparison in compare_all(runs, imported=theirs):
            if comparison.table.number == number:
                view = paper_view(comparison)
                (cells,) = cells_of(to_markdown(view))
                assert cells == as_cells(view)
                assert len(cells) == len(view.rows) + 1


@given(st.lists(st.tuples(st.text(), st.text(), st.text()), min_size=1, max_size=3))
def test_the_leaderboard_comes_back_whatever_its_runs_say(
    texts: list[tuple[str, str, str]],
) -> None:
    runs = [
        RunSummary(**{**DEFAULTS, "run_id": f"r{place}", "preset": preset, "note": note,
                      "tags": (tag,), "host": tag})
        for place, (preset, note, tag) in enumerate(texts)
    ]  # fmt: skip
    view, groups = leaderboard_table(runs), grouped_table(group_runs(runs))
    theirs = imported_table(runs)
    text = "\n".join(to_markdown(table) for table in (view, groups, theirs))
    assert cells_of(text) == [as_cells(view), as_cells(groups), as_cells(theirs)]


def test_imported_runs_are_told_apart(runs: list[RunSummary], paper_summary: MakeSummary) -> None:
    assert "mported" not in document(runs)
    text = document(runs, imported=[paper_summary(3, 1, 0.9681, host="elsewhere")])
    assert "## Imported runs" in text
    assert "Not made here: imported for comparison" in text
    assert "1 run on elsewhere" in text
    assert text.count("elsewhere") == 3  # the table's footnote, one of the paper's, the word itself
    assert provenance(runs) in text
