"""What a choice has read from the clock is read again on the same road, and not held against it."""

import symrank
from symrank.run.checkpoint.remembered import Remembered
from symrank.run.checkpoint.store import Store
from symrank.run.crew import Alone
from tests.run.problems import LARGE, Log, as_text, by_products


def test_a_reading_is_kept_with_the_next_task_alone(tmp_path):
    with Store(tmp_path).held():
        crew = Remembered(Alone(), Store(tmp_path))
        assert crew.reading(5.0) == 5.0
        crew.num_tasks = 1
        assert crew.reading(3.0) == 3.0
        assert crew.store.readings == {}  # no task has followed
        crew.store.keep_readings(crew._unkept)
        again = Remembered(Alone(), crew.store)
        assert again.reading(50.0) == 5.0
        assert again.reading(40.0) == 40.0  # asked more often than before
        again.num_tasks = 1
        assert again.reading(30.0) == 3.0


def test_a_resumed_run_chooses_as_before_whatever_time_is_left(tmp_path, monkeypatch):
    """Less time than the choice had: it would sample where it has counted exactly, or stop."""
    options = {"rng": 7, "checkpoint": tmp_path / "kept"}
    first = symrank.rank(by_products(n=LARGE), max_seconds=1e6, **options)
    log = Log(monkeypatch)
    again = symrank.rank(by_products(n=LARGE), max_seconds=3600.0, **options)
    assert log.begun == []
    assert as_text(again) == as_text(first)


def test_a_session_that_ran_out_of_time_is_gone_on_with(tmp_path):
    options = {"method": "lanczos", "precision": 0.02, "rng": 7}
    whole = symrank.rank(by_products(), **options)
    late = symrank.rank(by_products(), checkpoint=tmp_path / "a", max_seconds=1e-9, **options)
    assert late.num_matvecs < whole.num_matvecs
    later = symrank.rank(by_products(), checkpoint=tmp_path / "a", max_seconds=1e6, **options)
    assert as_text(later) == as_text(whole)
