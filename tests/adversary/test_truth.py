"""The instrument itself: brackets hold the eigenvalues, truths are those of small cases by hand."""

import numpy as np
import pytest

import symrank
from symrank.operators import as_operator
from tests.adversary import grid
from tests.adversary.builders import diagonal
from tests.adversary.doors import DOORS
from tests.adversary.forms import FORMS
from tests.adversary.law import LEVEL, Verdict
from tests.adversary.problems import FLOOR, Problem
from tests.adversary.spectra import SPECTRA

INF = float("inf")
EPS = float(np.finfo(float).eps)
LAPACK = 20.0  # sqrt(n) eps |A|: more than eigvalsh moves an eigenvalue


SQUARE = [name for name, form in FORMS.items() if not (form.is_special or form.is_rectangle)]


@pytest.mark.parametrize("form", SQUARE)
@pytest.mark.parametrize("spectrum", ["rank half", "log-uniform to 1e-8", "signs", "giant gapped"])
@pytest.mark.parametrize("n", [1, 5, 12])
def test_brackets_hold_the_eigenvalues(form, spectrum, n):
    if FORMS[form].is_semidefinite and spectrum == "signs" and n > 1:
        pytest.skip("a Gram operator has no negative eigenvalues")
    problem = grid.build(grid.Cell("", spectrum, form, n))
    scale = 2.0 ** -np.frexp(problem.norm[1])[1]  # squares of 1e300 overflow in LAPACK
    with FORMS[form].world():
        dense = as_operator(problem.A).to_dense() * scale
    wide = dense.astype(np.complex128 if np.iscomplexobj(dense) else np.float64)
    found = np.linalg.eigvalsh((wide + wide.conj().T) / 2)
    slack = LAPACK * np.sqrt(problem.n) * problem.eps * problem.norm[1] * scale
    assert (found >= np.sort(problem.low) * scale - slack).all()
    assert (found <= np.sort(problem.high) * scale + slack).all()
    if problem.null is not None:
        residual = np.linalg.norm(wide @ problem.null) / np.linalg.norm(problem.null)
        assert residual <= slack


@pytest.mark.parametrize("spectrum", ["rank half", "power law 1", "tiny gapped", "identity"])
def test_long_ones_are_counted_without_their_singular_values(spectrum):
    problem = grid.build(grid.Cell("", spectrum, "tall, long", 31))
    with FORMS["tall, long"].world():
        assert "eigenvalues" not in symrank.rank(problem.A, rng=1).diagnostics


@pytest.mark.parametrize("n", [1, 2, 3, 60])
def test_spectra_have_norm_one(n):
    for spectrum in SPECTRA.values():
        lam = spectrum.make(n, FLOOR * EPS)
        assert lam.shape == (n,), spectrum.name
        assert np.abs(lam).max() in (0.0, 1.0), spectrum.name


@pytest.mark.parametrize(
    ("spectrum", "rank"),
    [("grid with holes", None), ("weighted normalised", None), ("third column a sum", 2)],
)
def test_special_forms_know_their_rank(spectrum, rank):
    form = SPECTRA[spectrum].form
    problem = grid.build(grid.Cell("", spectrum, form, FORMS[form].sizes[0]))
    low, high = problem.above(problem.floor(by_eigenvalues=False))
    assert low == high
    if rank is None:
        rank = np.linalg.matrix_rank(problem.A.toarray(), hermitian=True)
        assert np.abs(problem.A @ problem.null).max() <= 100.0 * EPS
    assert low == rank


def small(*lam: float) -> Problem:
    return diagonal(np.array(lam), 0.25)


@pytest.mark.parametrize(
    ("floors", "truth"), [(0.3, (2, 2)), (0.9, (2, 3)), (1.0, (2, 3)), (3.0, (3, 3))]
)
def test_a_rank_is_open_only_at_the_floor(floors, truth):
    problem = small(1.0, -0.5, floors * FLOOR * EPS, 0.0)
    assert problem.above(problem.floor(by_eigenvalues=False)) == truth


def test_an_eigensolver_may_count_down_to_n_eps():
    problem = small(1.0, 0.3 * FLOOR * EPS, 0.0)
    assert problem.above(problem.floor(by_eigenvalues=True)) == (1, 2)
    assert small(1.0, 2.0 * EPS, 0.0).above(problem.floor(by_eigenvalues=True)) == (1, 1)


def test_a_cut_is_a_band_of_one_floor():
    floor = small(1.0).floor(by_eigenvalues=False)
    for beside, truth in ((0.0, (1, 2)), (0.9, (1, 2)), (3.0, (2, 2)), (-3.0, (1, 1))):
        problem = small(1.0, 0.25 + beside * FLOOR * EPS)
        assert problem.above(problem.cut(0.25, None, floor)) == truth


@pytest.mark.parametrize(
    ("window", "truth"),
    [
        ((0.0, INF), (1, 1)),  # zero and what is within the floor of it is no positive eigenvalue
        ((-INF, 0.0), (4, 4)),
        ((-INF, INF), (5, 5)),
        ((-0.5, 0.0), (3, 4)),  # the end -0.5 lies on an eigenvalue
        ((-0.6, 1.0), (4, 5)),
        ((-0.6, 0.5), (4, 4)),
        ((2.0, 3.0), (0, 0)),
    ],
)
def test_windows_by_hand(window, truth):
    tiny = 0.3 * FLOOR * EPS
    problem = small(1.0, tiny, 0.0, -tiny, -0.5)
    assert problem.within(*window, by_eigenvalues=False) == truth


def test_inertia_by_hand():
    tiny = 3.0 * FLOOR * EPS
    problem = small(1.0, 1.0, tiny, 0.0, -tiny)
    assert problem.inertia(problem.floor(by_eigenvalues=False)) == ((3, 3), (1, 1), (1, 1))


def test_a_congruence_widens_brackets_by_its_range():
    problem = small(1.0, -2.0, 0.0).under(0.5, 3.0)
    assert problem.low.tolist() == [0.5, -6.0, 0.0]
    assert problem.high.tolist() == [3.0, -1.0, 0.0]


def test_seeds_are_checksums_of_names():
    cell = grid.Cell("rank dense, none", "rank half", "diagonal", 12)
    assert cell.name == "rank dense, none | rank half | diagonal | n = 12"
    assert cell.seed == 4107441591
    assert len({cell.name for cell in grid.cells()}) == len(list(grid.cells())) > 10_000


def test_the_law_sees_a_wrong_answer():
    """Each law once, on an answer that was spoilt."""
    cell = grid.Cell("rank lanczos, none", "rank half", "diagonal", 60)
    problem = grid.build(cell)
    options = {"rng": 1, "max_matvecs": 2000, "precision": 0.1}
    for spoil, kind in (
        ({"truth": (45, 45), "n": 60}, "confident miss"),
        ({"ends": lambda level: (30, 31) if level > 0.9 else (29, 31)}, "not nested"),
        ({"ends": lambda level: (-1, 61)}, "outside"),
    ):
        answer = DOORS[cell.door].ask(problem, options)
        answer.claims = [answer.claims[0]._replace(**spoil)]
        verdict = Verdict(cell.name, cell.door, cell.seed)
        verdict.judge(answer)
        assert kind in {name for name, _ in verdict.violations}, kind
    answer = DOORS[cell.door].ask(problem, options)
    outcome = answer.outcomes[0]
    assert outcome.result.status.name == "CONVERGED"
    assert outcome.result.interval(LEVEL) != (30, 30)
    answer.outcomes = [outcome._replace(half_width=0.1, max_matvecs=510)]
    verdict = Verdict(cell.name, cell.door, cell.seed)
    verdict.judge(answer)
    assert {"converged is wide", "budget"} <= {name for name, _ in verdict.violations}
