"""The paper's tables beside ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from workbench.leaderboard.document import document
from workbench.leaderboard.paper import (
    TableComparison,
    beside_paper,
    compare,
    compare_all,
    paper_accuracies,
)
from workbench.leaderboard.table import Table
from workbench.leaderboard.views import epochs_view, paper_view
from workbench.model.tables import TABLE_NUMBERS, paper_table
from workbench.runs.status import Status
from workbench.runs.summary import RunSummary

MakeSummary = Callable[..., RunSummary]
DIVERGED: dict[str, Any] = {"diverged": True, "status": Status.FAILED}


def notes_of(table: Table) -> list[str]:
    return table.notes(range(len(table.headings)))


def column(table: Table, heading: str) -> list[str]:
    place = [item.text for item in table.headings].index(heading)
    return [row[place].text for row in table.rows]


@pytest.mark.parametrize("number", TABLE_NUMBERS)
def test_untrained_rows_say_so(number: int) -> None:
    comparison = compare(paper_table(number), [])
    assert comparison.trained == 0
    assert all(row.verdict.startswith("not trained yet; paper ") for row in comparison.rows)
    texts = [cell.text for row in paper_view(comparison).rows for cell in row]
    assert texts.count("not trained yet") == len(comparison.rows)


def test_one_run_is_not_judged(paper_summary: MakeSummary) -> None:
    comparison = compare(paper_table(6), [paper_summary(6, 3, 0.9749)])
    row = comparison.rows[3]
    assert row.difference == pytest.approx(0.02)
    assert row.within is None
    assert row.verdict == "97.49 %, paper 97.47 %: +0.02"
    view = paper_view(comparison)
    assert column(view, "Within spread") == ["–", "–", "–", "not judged"]
    assert column(view, "Ours")[3] == "97.49 %"
    assert column(view, "Best − paper")[3] == "+0.02"


def test_three_runs(paper_summary: MakeSummary) -> None:
    runs = [paper_summary(3, 0, value, seed) for seed, value in enumerate((0.951, 0.953, 0.952))]
    row = compare(paper_table(3), runs).rows[0]
    assert row.verdict == "95.20 ± 0.10 % (n = 3), paper 95.14 %: +0.06, within our spread"
    far = [paper_summary(3, 0, value, seed) for seed, value in enumerate((0.961, 0.962, 0.963))]
    assert compare(paper_table(3), far).rows[0].within is False
    # Beyond the worst, but where a further run might lie: 95.14 against 95.20 ± 0.05.
    near = [paper_summary(3, 0, value, seed) for seed, value in enumerate((0.9515, 0.952, 0.9525))]
    assert compare(paper_table(3), near).rows[0].within is True
    (note,) = {item.note for item in paper_view(compare(paper_table(3), near)).headings[-1:]}
    assert note.startswith("Within spread: the paper's value lies where 95 of 100 further runs")


def test_the_papers_best_of_several_is_not_tested_as_one_run(paper_summary: MakeSummary) -> None:
    """CNN model 2's figure is a best of several in Table 7 too; Table 6 says so in its heading."""
    for table, row in ((6, 3), (7, 1)):
        values = (0.9731, 0.9733, 0.9735, 0.9737)
        runs = [paper_summary(table, row, value, seed) for seed, value in enumerate(values)]
        view = paper_view(compare(paper_table(table), runs))
        assert column(view, "Within spread")[row] == "not judged"  # 97.47: too high for one run
        assert any("an unstated number of runs: one too high" in note for note in notes_of(view))
    low = [paper_summary(6, 2, value, seed) for seed, value in enumerate((0.979, 0.980, 0.981))]
    view = paper_view(compare(paper_table(6), low))
    assert column(view, "Within spread")[2] == "no"  # 96.79: the best of several lies no lower
    assert not any("one too high" in note for note in notes_of(view))


def test_one_training_stands_in_every_table_it_belongs_to(paper_summary: MakeSummary) -> None:
    tables = compare_all([paper_summary(9, 1, 0.9917)])
    trained = {
        (table.table.number, row.row.label) for table in tables for row in table.rows if row.trained
    }
    assert trained == {(7, "6"), (8, "3"), (9, "CNN model 2 (finely tuned)")}


def test_precisions_do_not_mix(paper_summary: MakeSummary) -> None:
    runs = [paper_summary(7, 5, 0.9917), paper_summary(7, 5, 0.9, seed=1, precision="bfloat16")]
    full, half = (compare(paper_table(7), runs, name) for name in ("float32", "bfloat16"))
    assert (full.rows[5].ours.mean, half.rows[5].ours.mean) == (0.9917, 0.9)
    assert "bfloat16" in paper_view(half).title
    assert "bfloat16" not in paper_view(full).title


def test_diverged_and_collapsed(paper_summary: MakeSummary) -> None:
    runs = [
        paper_summary(7, 7, 0.1135, 0),
        paper_summary(7, 7, None, 1, **DIVERGED),
        paper_summary(7, 7, 0.9754, 2),
        paper_summary(7, 6, None, 0, **DIVERGED),
    ]
    comparison = compare(paper_table(7), runs)
    row = comparison.rows[7]
    assert row.ours is not None
    assert (row.ours.n, row.ours.diverged, len(row.ours.collapsed)) == (1, 1, 1)
    assert row.verdict == ("97.54 %, paper 11.35 %, collapsed; 1 of 2 collapsed; 1 more diverged")
    assert "diverged in 1 of 1 run" in comparison.rows[6].verdict
    view = paper_view(comparison)
    assert column(view, "Paper")[7] == "11.35 %¹" or column(view, "Paper")[7] == "11.35 %²"
    assert column(view, "Ours")[6].startswith("diverged")
    notes = " ".join(notes_of(view))
    assert "answers 1 to every test image" in notes
    assert "1 of 2 runs collapsed" in notes
    assert "1 of 3 runs diverged" in notes


def row_of(comparison: TableComparison, place: int) -> dict[str, str]:
    view = paper_view(comparison)
    return {
        heading.text: item.text
        for heading, item in zip(view.headings, view.rows[place], strict=True)
    }


def test_collapsed_runs_enter_no_mean(paper_summary: MakeSummary) -> None:
    values = (0.9917, 0.1135, 0.9921)
    runs = [paper_summary(7, 5, value, seed) for seed, value in enumerate(values)]
    comparison = compare(paper_table(7), runs)
    row = comparison.rows[5]
    assert row.verdict == (
        "99.19 ± 0.03 % (n = 2), paper 99.19 %: 0.00, within our spread; 1 of 3 collapsed"
    )
    shown = row_of(comparison, 5)
    assert shown["Ours"].startswith("99.19 ± 0.03 %") and shown["Ours"] != "99.19 ± 0.03 %"
    assert (shown["n"], shown["Within spread"]) == ("2", "yes")
    assert any(
        "Ours: 1 of 3 runs collapsed: the network answers 1 to every test image; the mean is of "
        "those that learned." in note
        for note in notes_of(paper_view(comparison))
    )
    record = comparison.to_json()[5]
    assert (record["n"], record["collapsed"], record["worst"]) == (2, 1, 0.9917)


@pytest.mark.parametrize(
    ("values", "ours", "collapses", "verdict"),
    [
        ((0.9754, 0.1135, 0.9760), "97.57 ± 0.04 %", "1 of 3 collapsed",
         "97.57 ± 0.04 % (n = 2), paper 11.35 %, collapsed; 1 of 3 collapsed"),
        ((0.9754, 0.9760), "97.57 ± 0.04 %", "0 of 2 collapsed",
         "97.57 ± 0.04 % (n = 2), paper 11.35 %, collapsed; 0 of 2 collapsed"),
        ((0.1135, 0.1135), "2 of 2 collapsed", "2 of 2 collapsed",
         "2 of 2 collapsed; paper 11.35 %, collapsed"),
    ],
)  # fmt: skip
def test_a_collapse_of_the_papers_is_compared_by_how_many(
    paper_summary: MakeSummary, values: tuple[float, ...], ours: str, collapses: str, verdict: str
) -> None:
    runs = [paper_summary(7, 7, value, seed) for seed, value in enumerate(values)]
    comparison = compare(paper_table(7), runs)
    row, shown = comparison.rows[7], row_of(comparison, 7)
    assert (row.within, row.difference, row.verdict) == (None, None, verdict)
    assert shown["Ours"].rstrip("¹²³") == ours
    assert (shown["Difference"], shown["Within spread"]) == ("–", collapses)
    assert comparison.trained == 1


def test_how_many_collapse_is_told_with_its_exact_interval(paper_summary: MakeSummary) -> None:
    runs = [paper_summary(7, 7, 0.9754, seed) for seed in range(12)]
    none = compare(paper_table(7), runs)
    note = "Ours: 0 of 12 runs collapsed. Of all seeds 0 to 26 % collapse (exact 95 % interval)."
    assert any(note in text for text in notes_of(paper_view(none)))
    assert none.to_json()[7]["collapse_interval"] == pytest.approx((0, 0.2646), abs=1e-4)
    collapsed = [paper_summary(7, 7, 0.1135, seed) for seed in (20, 21, 22)]
    some = compare(paper_table(7), [*runs[:9], *collapsed])
    assert some.to_json()[7]["collapse_interval"] == pytest.approx((0.0549, 0.5719), abs=1e-4)
    assert some.to_json()[6]["collapse_interval"] is None


def test_ours_after_each_epoch(paper_summary: MakeSummary) -> None:
    by_epoch = ((0.955, 0.967, 0.9787), (0.957, 0.969, 0.9805))
    runs = [
        paper_summary(6, 2, values[-1], seed, epochs=3, epoch_test_accuracies=values)
        for seed, values in enumerate(by_epoch)
    ]
    runs.append(paper_summary(6, 3, 0.973))  # of an earlier version
    comparison = compare(paper_table(6), runs)
    assert comparison.epochs_told
    view = epochs_view(comparison)
    assert [item.text for item in view.headings] == [
        "Model", "Paper", "n", "Epoch 1", "Epoch 2", "Epoch 3", "Nearest",
    ]  # fmt: skip
    assert [item.text for item in view.rows[2]] == [
        "CNN model 1.2", "96.79 %", "2", "95.60 ± 0.14 %", "96.80 ± 0.14 %", "97.96 ± 0.13 %",
        "epoch 2",
    ]  # fmt: skip
    assert [item.text for item in view.rows[3]][2:] == ["0", "–", "–", "–", "–"]
    assert [record["epoch"] for record in view.records] == [1, 2, 3]
    assert view.records[1]["difference_points"] == pytest.approx(0.01)
    assert "after each epoch" in document(runs)
    assert ", after each epoch" not in document(runs[2:])


def test_a_result_beside_the_papers() -> None:
    keys = {row: paper_table(7).rows[row].spec().settings_key for row in (1, 7)}
    assert beside_paper(keys[1], 0.9749) == "paper 97.47 %: +0.02"
    assert beside_paper(keys[1], None) == "paper 97.47 %"
    assert beside_paper(keys[7], 0.9810) == "paper 11.35 %"  # no +86.75 points over a collapse
    assert beside_paper("other", 0.9) == ""


def test_all_collapsed_where_the_papers_did_not(paper_summary: MakeSummary) -> None:
    comparison = compare(paper_table(7), [paper_summary(7, 5, 0.1135)])
    shown = row_of(comparison, 5)
    assert shown["Ours"].startswith("1 of 1 collapsed")
    assert (shown["n"], shown["Difference"], shown["Within spread"]) == ("0", "–", "–")
    assert comparison.rows[5].verdict == "1 of 1 collapsed; paper 99.19 %"


def test_equal_runs_show_no_spread(paper_summary: MakeSummary) -> None:
    runs = [paper_summary(3, 0, 0.9520, seed) for seed in range(2)]
    comparison = compare(paper_table(3), runs)
    assert comparison.rows[0].within is None
    assert row_of(comparison, 0)["Within spread"] == "not judged"
    assert any("Not judged: a single run, or" in note for note in notes_of(paper_view(comparison)))


def test_a_seed_on_two_machines_is_one_run(paper_summary: MakeSummary) -> None:
    runs = [paper_summary(3, 0, 0.951), paper_summary(3, 0, 0.953, host="other")]
    comparison = compare(paper_table(3), runs)
    assert row_of(comparison, 0)["n"] == "1"
    runs.append(paper_summary(3, 0, 0.952, 1))
    notes = " ".join(notes_of(paper_view(compare(paper_table(3), runs))))
    assert "over n runs, after the last epoch; a seed counts once." in notes


def test_times_are_of_one_machine_and_say_which(paper_summary: MakeSummary) -> None:
    held = {"threads": 1, "train_seconds": 100.0}
    runs = [
        paper_summary(8, 0, 0.99, 0, train_seconds=50.0),
        paper_summary(8, 0, 0.991, 1, train_seconds=52.0),
        paper_summary(8, 0, 0.992, 2, train_seconds=54.0),
        *(paper_summary(8, place, 0.99, 3, **held) for place in (0, 1)),
        paper_summary(8, 2, 0.99, train_seconds=10.0, host="other"),
    ]
    comparison = compare(paper_table(8), runs)
    # With one thread two rows were trained, with both cores only one, though three times.
    assert [row_of(comparison, place)["Time, ours"] for place in range(3)] == [
        "1 min 40 s", "1 min 40 s", "–",
    ]  # fmt: skip
    assert any(
        note.startswith(
            "Time, ours: mean of the runs on box (A Processor, 2 cores (1 thread a run)), "
        )
        for note in notes_of(paper_view(comparison))
    )
    records = comparison.to_json()
    assert [item["mean_train_seconds"] for item in records[:3]] == [100.0, 100.0, None]
    assert records[0]["timed_on"] == "box (A Processor, 2 cores (1 thread a run))"
    assert records[2]["timed_on"] is None
    alone = compare(paper_table(8), runs[:3])
    assert row_of(alone, 0)["Time, ours"] == "52.0 s"
    # Of as many rows, those of an idle machine; of fewer, they would leave rows without a time.
    idle = paper_summary(8, 0, 0.993, 4, train_seconds=40.0, tags=("idle",))
    assert row_of(compare(paper_table(8), [*runs[:3], idle]), 0)["Time, ours"] == "40.0 s"
    assert row_of(compare(paper_table(8), [*runs, idle]), 0)["Time, ours"] == "1 min 40 s"


def test_times_of_table_8(paper_summary: MakeSummary) -> None:
    run = paper_summary(8, 2, 0.9917, train_seconds=61.2)
    view = paper_view(compare(paper_table(8), [run]))
    assert column(view, "Time, paper")[2] == "12 min 10 s"
    assert column(view, "Time, ours")[2] == "1 min 01 s"
    assert view.records[2]["paper_train_seconds"] == 730.0
    assert view.records[2]["mean_train_seconds"] == 61.2


def test_table_9_stands_in_columns(paper_summary: MakeSummary) -> None:
    view = paper_view(compare(paper_table(9), [paper_summary(9, 1, 0.9917)]))
    assert [heading.text for heading in view.headings] == [
        "Hyperparameters", "CNN model 2", "CNN model 2 (finely tuned)",
    ]  # fmt: skip
    rows = {row[0].text: [cell.text for cell in row[1:]] for row in view.rows}
    assert rows["Decay"] == ["lrate / epochs", "internally managed by Adam"]
    assert rows["Performance (Accuracy), paper"] == ["97.47 %", "99.19 %"]
    assert rows["Ours"] == ["not trained yet", "99.17 %"]
    assert [record["label"] for record in view.records] == [
        "CNN model 2", "CNN model 2 (finely tuned)",
    ]  # fmt: skip


def test_records_are_fractions(paper_summary: MakeSummary) -> None:
    (record, *_) = compare(paper_table(3), [paper_summary(3, 0, 0.9516)]).to_json()
    assert record["table"] == 3
    assert record["paper_accuracy"] == 0.9514
    assert record["mean"] == 0.9516
    assert record["difference_points"] == 0.02
    assert record["within_spread"] is None
    assert record["cells"] == {"Model": "NN model 1", "Architecture": "784 – 128 – 10"}


def test_our_best_stands_where_there_are_several(paper_summary: MakeSummary) -> None:
    one = [paper_summary(3, 0, 0.951)]
    headings = paper_view(compare(paper_table(3), one)).headings
    assert "Our best" not in [item.text for item in headings]
    two = [*one, paper_summary(3, 0, 0.953, 1)]
    view = paper_view(compare(paper_table(3), two))
    assert column(view, "Our best")[:2] == ["95.30 %", "–"]
    heaviest = max(view.headings, key=lambda item: item.weight)
    assert heaviest.text == "Our best"  # the first to go where it is narrow
    assert "Best − paper" not in [item.text for item in view.headings]
    always = paper_view(compare(paper_table(6), []))
    assert column(always, "Our best") == ["–"] * 4


def test_imported_runs_stand_beside_and_count_nowhere(paper_summary: MakeSummary) -> None:
    ours = [paper_summary(3, 0, 0.951), paper_summary(3, 0, 0.952, 1)]
    theirs = [
        *(paper_summary(3, 0, value, seed) for seed, value in enumerate((0.91, 0.92, 0.93))),
        paper_summary(3, 1, None, **DIVERGED),
        *(paper_summary(3, 2, value, seed) for seed, value in enumerate((0.95, 0.1135))),
    ]
    alone, beside = (compare(paper_table(3), ours, imported=them) for them in ([], theirs))
    assert "Imported" not in [item.text for item in paper_view(alone).headings]
    view = paper_view(beside)
    assert column(view, "Imported") == [
        "92.00 ± 1.00 % (n = 3)", "diverged", "95.00 % (n = 1), 1 of 2 collapsed", "–",
    ]  # fmt: skip
    for heading in paper_view(alone).headings:
        assert column(view, heading.text) == column(paper_view(alone), heading.text)
    assert any("on box (A Processor, 2 cores)" in note for note in notes_of(view))
    for before, after in zip(alone.to_json(), beside.to_json(), strict=True):
        assert {key for key in before if before[key] != after[key]} <= {
            key for key in before if key.startswith("imported_")
        }
    record = beside.to_json()[0]
    assert (record["n"], record["imported_n"]) == (2, 3)
    assert record["imported_collapsed"] == 0
    assert record["imported_mean"] == pytest.approx(0.92)
    assert record["imported_standard_deviation"] == pytest.approx(0.01)
    assert (record["imported_best"], record["imported_worst"]) == (0.93, 0.91)
    assert beside.to_json()[3]["imported_mean"] is None
    assert beside.to_json()[2]["imported_collapsed"] == 1


def test_only_imported_runs_are_not_ours(paper_summary: MakeSummary) -> None:
    comparison = compare(paper_table(9), [], imported=[paper_summary(9, 1, 0.9917)])
    assert comparison.trained == 0
    assert all(row.within is None and row.difference is None for row in comparison.rows)
    rows = {row[0].text: [cell.text for cell in row[1:]] for row in paper_view(comparison).rows}
    assert rows["Ours"] == ["not trained yet"] * 2
    assert rows["Imported"] == ["–", "99.17 % (n = 1)"]


def test_the_papers_distinct_trainings() -> None:
    # 24 rows: SGD 0.002 stands in Tables 6, 7 and 9, Adam 0.002 in Tables 7, 8 and 9.
    assert sum(len(paper_table(number).rows) for number in TABLE_NUMBERS) == 24
    assert len(paper_accuracies()) == 2 * 20
