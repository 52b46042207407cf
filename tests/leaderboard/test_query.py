"""The filter language and sorting."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import QueryError
from workbench.leaderboard.columns import ALIASES, FIELDS, parse_sort, sort_runs
from workbench.leaderboard.query import filter_runs, parse_filter
from workbench.model.tables import paper_tables
from workbench.runs.status import STATUS_WORDS, Status
from workbench.runs.summary import RunSummary, ScriptSummary

MakeSummary = Callable[..., RunSummary]


@pytest.fixture
def runs(make_summary: MakeSummary) -> list[RunSummary]:
    return [
        make_summary(run_id="a", test_accuracy=0.9749, tags=("best", "Night"), note="first try"),
        make_summary(
            run_id="b",
            preset="nn-1",
            title="NN model 1",
            test_accuracy=0.9514,
            optimizer="adam",
            learning_rate=0.01,
            momentum=None,
            parameters=101_770,
            train_seconds=12.0,
            started_at="2025-11-24T10:00:00+00:00",
        ),
        make_summary(
            run_id="c",
            test_accuracy=None,
            diverged=True,
            status=Status.FAILED,
            seed=3,
            train_limit=1000,
            note='said "no"',
        ),
        make_summary(run_id="d", test_accuracy=0.1135, seed=7, precision="bfloat16"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "abcd"),
        ("preset=cnn-2", "acd"),
        ("preset = CNN-2  and seed = 7", "d"),
        ("preset!=cnn-2", "b"),
        ("preset:nn", "abcd"),
        ("preset:cnn", "acd"),
        ("model=nn-1", "b"),
        ("optimizer=adam lr>=0.001", "b"),
        ("lr>0.01", ""),
        ("lr>=0.01", "b"),
        ("lr<1e-2", "acd"),
        ("lr≥0.01", "b"),
        ("acc>=97.49", "a"),
        ("acc>97.49", ""),
        ("acc>=97.4%", "a"),
        ("accuracy>=0.974", "a"),
        ("accuracy=97.49", "a"),
        ("test_accuracy<96 acc>0.5", "b"),
        ("acc!=97.49", "bcd"),
        ("acc=none", "c"),
        ("acc!=none", "abd"),
        ("params>1m", "acd"),
        ("params<=101770", "b"),
        ("time<90s", "b"),
        ("time>5min", "acd"),
        ("started>=2025-11-24", "b"),
        ("started<=2025-11-23", "acd"),
        ("started=2025-11", "abcd"),
        ("tag:best", "a"),
        ("tag=night", "a"),
        ("tags!=best", "bcd"),
        ("tag:bes", ""),
        ("tags=none", "bcd"),
        ("note:'first try'", "a"),
        ('note="first try"', "a"),
        ("note:try", "a"),
        ("status=failed", "c"),
        ("status=diverged", "c"),
        ("status=collapsed", "d"),
        ("status=finished", "abd"),
        ("status!=finished", "c"),
        ("diverged=yes", "c"),
        ("diverged=no", "abd"),
        ("momentum=none", "b"),
        ("momentum=0.7", "acd"),
        ("momentum!=0.7", "b"),
        ("train_limit=1k", "c"),
        ("train-limit!=none", "c"),
        ("seed:3", "c"),
        ("nn-1", "b"),
        ("MODEL", "abcd"),
        ('"model 1"', "b"),
        ("night", "a"),
        ('"or"', ""),
        ("precision=bfloat16", "d"),
        ("id=a or id=c", "ac"),
        ("id=a || id=c", "ac"),
        ("not id=a", "bcd"),
        ("not not id=a", "a"),
        ("status=finished and not id=a", "bd"),
        ("id=a or id=b lr<1", "ab"),
        ("(id=a or id=b) optimizer=adam", "b"),
        ("not (id=a or id=b)", "cd"),
        ("((id=a))", "a"),
        ('"not" or id=b', "b"),
        ("metric.loss<1", ""),
        ("config.lr=none", "abcd"),
        ("id=a", "a"),
        ("id!=a", "bcd"),
        ("a", "acd"),
        ("failed", ""),
        ("diverged", "c"),
    ],
)
def test_filters(runs: list[RunSummary], text: str, expected: str) -> None:
    assert "".join(run.run_id for run in filter_runs(runs, text)) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("optimiser=adam", 'did you mean "optimizer"'),
        ("acuracy>0.9", 'did you mean "accuracy"'),
        ("zzzzqq=1", "--format json"),
        ("lr>fast", "lr is a number"),
        ("lr>0.1%", "lr is a number"),
        ("acc>970", "between 0 and 100"),
        ("acc>-1", "between 0 and 100"),
        ("acc>good", "accuracy"),
        ("time<soon", "duration"),
        ("epochs>1e999", "beyond"),
        ("started>yesterday", "date"),
        ("diverged=maybe", "yes or no"),
        ("status=finshed", 'did you mean "finished"'),
        ("preset>cnn", "use = != or :"),
        ("tag<best", "use = != or :"),
        ("note:", "needs a value"),
        ("lr>=", "needs a value"),
        (">=0.1", "needs a field"),
        ("a or", '"or"'),
        ("or b", '"or"'),
        ("a or or b", '"or"'),
        ("not", '"not" needs a term'),
        ("a not or b", '"not" needs a term'),
        ("(a", '"(" is opened'),
        ("a)", '")" closes'),
        ("()", "need a term"),
        ("lr>=(1)", "needs a value"),
        ("config.lr>fast", "no number"),
        ("(" * 5000 + "a" + ")" * 5000, "more than 100 times"),
        ("note:'open", "not closed"),
        ('preset=cnn-2 "open', "not closed"),
    ],
)
def test_what_cannot_be_understood_is_said_in_one_line(text: str, message: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse_filter(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_float32_accuracies_equal_their_decimals(make_summary: MakeSummary) -> None:
    run = make_summary(test_accuracy=0.9749000072479248)
    for text in ("acc=97.49", "acc>=97.49", "acc<=0.9749"):
        assert filter_runs([run], text) == [run]
    for text in ("acc>97.49", "acc<97.49", "acc=97.5"):
        assert filter_runs([run], text) == []


OPERATORS = ["=", "!=", "<", "<=", ">", ">=", ":", "==", "≥"]


@given(
    st.lists(
        st.one_of(
            st.text(),
            st.builds(
                "{}{}{}".format,
                st.sampled_from([*FIELDS, *ALIASES]),
                st.sampled_from(OPERATORS),
                st.one_of(st.text(), st.floats().map(str), st.just("none"), st.just("finished")),
            ),
        ),
        max_size=4,
    ).map(" ".join)
)
def test_parsing_raises_nothing_but_a_query_error(text: str) -> None:
    try:
        chosen = parse_filter(text)
    except QueryError as error:
        assert "\n" not in str(error)
        return
    for run in (FULL, BARE):
        assert chosen.matches(run) in (True, False)


@given(st.text(), st.sampled_from([*FIELDS, *ALIASES]))
def test_sort_parsing_raises_nothing_but_a_query_error(text: str, name: str) -> None:
    for attempt in (text, f"{name}:{text}", f"-{name},{text}"):
        with contextlib.suppress(QueryError):
            sort_runs([FULL, BARE], attempt)


FULL = RunSummary(
    run_id="a", preset="nn-1", title="NN", status=Status.FINISHED, test_accuracy=0.9,
    epochs=5, batch_size=60, optimizer="sgd", optimizer_text="SGD", learning_rate=0.01,
    schedule="constant", seed=0, precision="float32", started_at="2025-11-23T06:38:00+00:00",
    dataset="mnist", settings_key="k", host="h", cpu="c", cores=2, tensorflow="2", keras="3",
    tags=("x",), note="n",
)  # fmt: skip
BARE = FULL.model_copy(
    update={"run_id": "b", "test_accuracy": None, "tags": (), "note": "", "test_loss": math.nan}
)


@given(
    st.lists(st.one_of(st.none(), st.floats(0, 1), st.just(math.nan))),
    st.sampled_from(["", "accuracy", "-accuracy", "+accuracy", "acc:asc", "acc:desc"]),
)
def test_missing_values_stand_last(values: list[float | None], sort: str) -> None:
    runs = [
        FULL.model_copy(update={"run_id": str(number), "test_accuracy": value})
        for number, value in enumerate(values)
    ]
    result = [run.test_accuracy for run in sort_runs(runs, sort)]
    missing = [value is None or math.isnan(value) for value in result]
    assert missing == sorted(missing)
    present = [value for value in result if value is not None and not math.isnan(value)]
    upwards = sort in ("+accuracy", "acc:asc")
    assert present == sorted(present, reverse=not upwards)


def test_default_directions(runs: list[RunSummary]) -> None:
    def order(text: str) -> str:
        return "".join(run.run_id for run in sort_runs(runs, text))

    assert order("") == "abdc"
    assert order("accuracy") == "abdc"
    assert order("lr") == "acdb"
    assert order("-lr") == "bacd"
    assert order("lr:desc") == "bacd"
    assert order("started") == "bacd"
    assert order("+started") == "acdb"
    assert order("preset,-seed") == "dcab"
    assert order("status") == "dcab"
    assert order("tags") == "acdb"


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_sorts_and_filters(runs: list[RunSummary], name: str) -> None:
    assert {run.run_id for run in sort_runs(runs, name)} == set("abcd")
    assert len(filter_runs(runs, f"{name}=none")) + len(filter_runs(runs, f"{name}!=none")) == 4


def test_every_alias_leads_to_a_field() -> None:
    assert set(ALIASES.values()) <= set(FIELDS)
    data = {name for name, field in RunSummary.model_fields.items() if not field.exclude}
    reckoned = {"paper_accuracy", "difference"}  # columns of the screen, not in the data
    assert set(FIELDS) - reckoned == data - {"epoch_test_accuracies"}  # no one value to compare


def test_what_the_screen_shows_beside_the_paper_filters_and_sorts(
    make_summary: MakeSummary,
) -> None:
    key = paper_tables()[0].rows[0].spec().settings_key
    paper = paper_tables()[0].rows[0].accuracy
    better = make_summary(run_id="a", settings_key=key, test_accuracy=paper + 0.001)
    worse = make_summary(run_id="b", settings_key=key, test_accuracy=paper - 0.001)
    other = make_summary(run_id="c", settings_key="none of the paper's")
    runs = [other, worse, better]
    assert filter_runs(runs, "difference>0") == [better]
    assert filter_runs(runs, f"paper={100 * paper:.2f}") == [worse, better]
    assert filter_runs(runs, "paper=none") == [other]
    assert sort_runs(runs, "difference") == [better, worse, other]
    assert filter_runs(runs, "state=finished") == filter_runs(runs, "status=finished") == runs


def test_dates_are_of_the_local_day(
    make_summary: MakeSummary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "XST-3")
    time.tzset()
    try:
        late = make_summary(started_at="2025-11-23T22:30:00+00:00")
        assert filter_runs([late], "date=2025-11-24") == [late]
        assert filter_runs([late], "date<2025-11-24") == []
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("text", "message"),
    [("acuracy", "did you mean"), ("lr:down", "neither asc nor desc"), ("lr,,", "missing")],
)
def test_sorts_that_cannot_be_understood(text: str, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        parse_sort(text)


def test_every_word_that_is_shown_can_be_filtered_by() -> None:
    for state in Status:
        if state not in (Status.WAITING, Status.PRESENT):  # of the queue's trials alone
            assert {state.word, state.value} <= set(STATUS_WORDS)
            parse_filter(f"status={state.word}")
    going = FULL.model_copy(update={"status": Status.RUNNING})
    preparing = going.model_copy(update={"preparing": "loading TensorFlow"})
    for text, matching in (
        ("status=training", [going]),
        ("status=preparing", [preparing]),
        ("status=running", [going, preparing]),
    ):
        assert filter_runs([FULL, going, preparing], text) == matching


def test_filters_of_scripts() -> None:
    def script(run_id: str, **facts: Any) -> ScriptSummary:
        given = {"title": run_id, "status": "finished", "epochs": 0, "host": "h", "cpu": "c",
                 "started_at": "2026-11-26T10:00:00+00:00", "cores": 2}  # fmt: skip
        return ScriptSummary.model_validate({**given, "run_id": run_id, **facts})

    runs = [
        script("a", config={"lr": 0.01, "model.name": "Res Net", "amp": True}, tags=("x",)),
        script("b", config={"lr": 1e-4}, metrics={"val_loss": 0.25, "d/acc": 0.9}),
        script("c", metrics={"val_loss": None}),
    ]
    for text, expected in (
        ("config.lr>0.001", "a"),
        ("config.lr<=1e-4", "b"),
        ("config.lr!=0.01", "bc"),
        ("config.lr=none", "c"),
        ("config.lr!=none", "ab"),
        ("config.model.name:res", "a"),
        ("config.amp=true", "a"),
        ("metric.val_loss<0.3", "b"),
        ("metric.d/acc>=90%", "b"),
        ("metric.val_loss=25%", "b"),
        ("metric.val_loss=none", "ac"),
        ("config.lr>0.001 or metric.val_loss<1", "ab"),
        ("not tag=x", "bc"),
        ("seed=3", ""),
        ("seed!=3", "abc"),
        ("seed=none", "abc"),
        ("preset=cnn-2", ""),
        ("preset!=cnn-2", "abc"),
        ("preset:cnn", ""),
        ("difference>0", ""),
        ("status=finished title=b", "b"),
    ):
        assert "".join(run.run_id for run in filter_runs(runs, text)) == expected, text
