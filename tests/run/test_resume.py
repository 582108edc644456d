"""A run that is resumed ends in the bits of one in one piece, and repeats no task."""

import contextlib

import numpy as np
import pytest

import symrank
from tests.run.problems import CALLS, Log, as_text, ask, by_products, loss

NEEDED = {"multigrid": "pyamg", "inertia": "feral"}


class Stopped(BaseException):
    """As SIGKILL: nobody catches it."""


QUICK = ("lanczos", "a loss", "projection", "sketch of the range", "singular values", "inertia")
NAMES = [pytest.param(n, marks=[] if n in QUICK else [pytest.mark.slow], id=n) for n in CALLS]


@pytest.fixture(params=NAMES)
def name(request):
    if request.param in NEEDED:
        pytest.importorskip(NEEDED[request.param])
    return request.param


def test_a_finished_run_answers_at_once_with_the_same_bits(name, tmp_path, monkeypatch):
    """Also as the call without a checkpoint: it changes nothing."""
    log = Log(monkeypatch)
    undisturbed = as_text(ask(name))
    assert log.begun == []
    first = as_text(ask(name, checkpoint=tmp_path / "kept"))
    number = len(log.begun)
    again = as_text(ask(name, checkpoint=tmp_path / "kept"))
    assert number > 0
    assert len(log.begun) == number
    assert undisturbed == first == again


def stopping(after):
    """Stop a run in its middle, at a progress that tells of so many products."""

    def progress(now):
        if now.num_matvecs >= after:
            raise Stopped

    return progress


def test_a_run_that_is_stopped_again_and_again_repeats_no_task(name, tmp_path, monkeypatch):
    undisturbed = ask(name)
    log = Log(monkeypatch)
    rng = np.random.default_rng(11)
    for share in np.sort(rng.uniform(0.1, 1.0, 2)):
        after = int(share * undisturbed.num_matvecs)
        with contextlib.suppress(Stopped):
            ask(name, checkpoint=tmp_path / "kept", progress=stopping(after))
    result = ask(name, checkpoint=tmp_path / "kept")
    assert as_text(result) == as_text(undisturbed)
    assert len(set(log.kept)) == len(log.kept)


def test_ctrl_c_gives_the_answer_so_far_and_the_rest_follows(tmp_path):
    def press(now):
        if now.num_matvecs > 900:
            raise KeyboardInterrupt

    undisturbed = ask("lanczos")
    stopped = ask("lanczos", checkpoint=tmp_path / "kept", progress=press)
    assert stopped.status is symrank.Status.INTERRUPTED
    assert as_text(ask("lanczos", checkpoint=tmp_path / "kept")) == as_text(undisturbed)


def test_a_seed_that_was_drawn_is_kept(tmp_path):
    A, options = by_products(), {"method": "lanczos", "precision": 0.05}
    first = symrank.rank(A, checkpoint=tmp_path / "kept", **options)
    again = symrank.rank(A, checkpoint=tmp_path / "kept", **options)
    assert again.seed == first.seed
    assert as_text(again) == as_text(first)


def test_counts_and_tables_are_kept_too(tmp_path, monkeypatch):
    log = Log(monkeypatch)
    for j, (edges, options) in enumerate((
        ((0.05, 0.5), {"method": "lanczos"}),
        ((0.05, 0.5), {"method": "chebyshev"}),
        (([0.0, 0.05, 0.5, 2.0],), {"method": "lanczos"}),
    )):  # fmt: skip
        path = tmp_path / str(j)
        options["max_matvecs"] = 800
        plain = symrank.count(by_products(), *edges, rng=3, **options)
        first = symrank.count(by_products(), *edges, rng=3, checkpoint=path, **options)
        number = len(log.begun)
        again = symrank.count(by_products(), *edges, rng=3, checkpoint=path, **options)
        assert len(log.begun) == number
        assert as_text(plain) == as_text(first) == as_text(again)


def test_more_precision_goes_on_from_what_is_there(tmp_path, monkeypatch):
    path, options = tmp_path / "kept", {"method": "lanczos", "precision": 0.05, "rng": 2}
    wanted = symrank.rank(by_products(), **options).refine(precision=0.02)
    symrank.rank(by_products(), checkpoint=path, **options)
    log = Log(monkeypatch)
    loaded = symrank.rank(by_products(), checkpoint=path, **options)
    assert log.begun == []
    fine = loaded.refine(precision=0.02)
    number = len(log.begun)
    assert number > 0
    assert as_text(fine) == as_text(wanted)
    again = symrank.rank(by_products(), checkpoint=path, **options).refine(precision=0.02)
    assert len(log.begun) == number
    assert as_text(again) == as_text(wanted)


def test_another_precision_later_uses_the_tasks_that_are_the_same(tmp_path, monkeypatch):
    """More steps of the same probes are the same task, whatever they are for."""
    path, options = tmp_path / "kept", {"method": "lanczos", "precision": 0.05, "rng": 2}
    wanted = symrank.rank(by_products(), **options).refine(precision=0.015)
    symrank.rank(by_products(), checkpoint=path, **options).refine(precision=0.02)
    log = Log(monkeypatch)
    found = symrank.rank(by_products(), checkpoint=path, **options).refine(precision=0.015)
    assert as_text(found) == as_text(wanted)
    assert all(task.key != ("probes", 0) or round_ > 1 for _, round_, task in log.begun)


def test_lanczos_reads_of_a_goal_what_it_says():
    """Else a task would be taken for one of another goal."""
    from symrank.methods import Lanczos
    from symrank.methods.base import Task
    from symrank.operators import as_operator

    class Little:
        seed, n, dtype = 3, 40, np.dtype(np.float64)

    A = as_operator(np.diag(np.arange(40.0)))
    state = Lanczos().run(A, Little(), Task(("probes", 0), 5, 2), None, lambda _: None)
    assert state.num_steps == 5
    assert set(Lanczos.reads) == {name for name in vars(Little) if not name.startswith("_")}


def test_the_chains_of_the_figure_go_on(tmp_path):
    """Those of bench.paper.fig3, on a loss of its kind."""
    chains = pytest.importorskip("bench.paper.chains_on_loss")
    setting = chains.Setting(num_steps=60, burn_in=30, num_chains=4, precision=0.01)
    problem = loss()

    def row(problem, kept=None):
        found = chains.run(problem, None, 1.0, setting, 1e-3, 0, kept)
        return {name: value for name, value in found.items() if name != "seconds"}

    class Killed(type(problem)):
        left = 60

        def loss_and_grad(self, Theta):
            self.left -= 1
            if not self.left:
                raise Stopped
            return super().loss_and_grad(Theta)

    stopped = loss()
    stopped.__class__ = Killed
    with pytest.raises(Stopped):
        row(stopped, tmp_path / "kept")
    assert list((tmp_path / "kept" / "tasks").iterdir())
    assert row(problem, tmp_path / "kept") == row(problem)
