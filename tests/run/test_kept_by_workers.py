"""What workers have finished is kept as it comes, and whoever goes on finds it."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import symrank
from symrank import gallery
from symrank.run.checkpoint import remembered
from tests.run.problems import as_text

A = gallery.diagonal(np.append(np.linspace(0.1, 1.0, 800), np.zeros(400)))
ASKED = {"method": "lanczos", "precision": 0.01, "rng": 3}


def asked(**more):
    return symrank.rank(A, **ASKED, **more)


@pytest.mark.parametrize("executor", ["threads", pytest.param(2, marks=pytest.mark.slow)])
def test_a_run_of_workers_is_resumed_by_one(executor, tmp_path, monkeypatch):
    first = asked(executor=executor, checkpoint=tmp_path)
    monkeypatch.setattr(remembered.Timed, "do", None)  # nothing is done again
    assert as_text(asked(checkpoint=tmp_path)) == as_text(first)


def test_workers_go_on_from_what_one_has_done(tmp_path):
    whole = asked()
    cut = asked(checkpoint=tmp_path, max_seconds=1e-9)
    assert cut.num_matvecs < whole.num_matvecs
    with ThreadPoolExecutor(2) as pool:
        again = asked(executor=pool, checkpoint=tmp_path)
    assert again.samples.tobytes() == whole.samples.tobytes()
    assert again.interval() == whole.interval()


def test_a_task_that_ends_before_its_turn_is_kept_at_once(tmp_path, monkeypatch):
    """The first block of chains waits for the others, which are on the disk by then."""
    kept, own = [], remembered.Remembered._keep

    def keep(crew, save, step, state, spent):
        own(crew, save, step, state, spent)
        kept.append(step.task.key)

    monkeypatch.setattr(remembered.Remembered, "_keep", keep)
    run = remembered.Timed.do

    def slow(work, task, state, tick):
        done = run(work, task, state, tick)
        if task.key == ("probes", 0) and state is None:
            while len(kept) < 1:
                pass
        return done

    monkeypatch.setattr(remembered.Timed, "do", slow)
    method = symrank.Lanczos(num_probes=40)  # three blocks
    symrank.rank(A, method, precision=0.02, rng=1, executor="threads", checkpoint=tmp_path)
    assert kept[0] != ("probes", 0)
    assert np.isin(0, [key[1] for key in kept])
