"""The DnCNN of the paper: closed forms for both signs, and the network with its Hessian."""

import numpy as np
import pytest

from bench import record
from bench.paper import closed_forms
from symrank.spectrum.filters import EulerMaruyama

LAM = np.array([15.0, 3.0, 0.2, 1e-4, -1e-3, -0.02])
FIRST, WINDOW = 40, 25


@pytest.mark.parametrize("estimator", ["corrected", "energy"])
def test_the_closed_form_is_the_recurrence_of_the_second_moments(estimator):
    eta = 0.1
    variance, sums = np.zeros_like(LAM), np.zeros_like(LAM)
    for step in range(FIRST + WINDOW):
        if step >= FIRST:  # e = 2 <theta, g>, less eta <g, g> where corrected; g = lam theta
            off = eta * LAM**2 if estimator == "corrected" else 0.0
            sums += (2.0 * LAM - off) * variance / WINDOW
        variance = (1.0 - eta * LAM) ** 2 * variance + eta

    found = closed_forms.expected(LAM, EulerMaruyama(eta, estimator), FIRST, WINDOW)

    # a sum of 65 terms of size one in doubles
    assert found["of_positive"] == pytest.approx(sums[LAM > 0.0].sum(), rel=1e-12)
    assert found["of_negative"] == pytest.approx(sums[LAM < 0.0].sum(), rel=1e-10)
    assert found["estimate"] == pytest.approx(sums.sum(), rel=1e-12)
    growth = 2.0 * (FIRST + WINDOW) * np.log1p(eta * 0.02)
    assert found["exponent"] == pytest.approx(growth, rel=1e-12)


def test_an_equal_number_in_every_octave_is_counted_above_the_equivalent_cut():
    lam = np.geomspace(1e-8, 1.0, 800)  # 100 a decade
    eta, first, window = 0.1, 20_000, 10_000
    cut = closed_forms.equivalent_cut(eta, first, window)
    found = closed_forms.expected(lam, EulerMaruyama(eta), first, window)
    # a count is rounded to one; the window spans 1.5 of time, whose mean log is 0.7 % below
    # the log of its middle: 0.3 of an eigenvalue at 43 for each e
    assert abs(found["estimate"] - (lam > cut).sum()) <= 2.0


def test_every_scale_of_a_preconditioner_is_what_it_says():
    second = np.geomspace(1e-12, 1e-2, 50)
    second[:3] = 0.0  # 1 / eps, as of a bias before batch norm
    scaled = closed_forms.scalings(second)
    assert scaled["Adam, as it is"].max() == pytest.approx(1e8)
    assert scaled["clamped, as it is"].max() <= 100.001 * np.median(scaled["clamped, as it is"])
    for name, g in scaled.items():
        if name.endswith("mean 1"):
            assert g.mean() == pytest.approx(1.0)
        if name.endswith("norm 1"):
            assert np.linalg.norm(g) == pytest.approx(1.0)


def test_rungs_that_diverge_have_no_estimate_and_the_share_is_that_of_the_largest():
    H = np.diag([30.0, 1.0, 0.5])
    rows = {row["G"]: row for row in closed_forms.ladder(H, np.full(3, 1e-4))}
    assert rows["I"]["unstable"] == 1
    assert rows["I"]["estimate"] is None
    assert rows["Adam, norm 1"]["unstable"] == 0
    assert closed_forms.share(np.diag(H), 1.0) == pytest.approx(30.0 / 31.5)


@pytest.fixture(scope="module")
def trained():
    torch = pytest.importorskip("torch")
    from bench.paper import dncnn

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(771)
    yield dncnn.train(torch.rand(20, 1, 6, 6, generator=generator), "silu", 3, 771, 12)
    torch.set_num_threads(before)


torch_only = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning"),
]


@pytest.mark.parametrize("kind", [pytest.param(k, marks=torch_only) for k in ("batch", "frozen")])
def test_the_loss_of_the_chains_is_that_of_the_hessian(trained, kind, rng):
    from bench.paper import dncnn

    model = dncnn.with_statistics(trained, kind)
    H = dncnn.operator(model, trained)
    assert H.n == 753
    problem = dncnn.Problem(model, trained, np.eye(H.n))
    v = rng.standard_normal(H.n)
    v *= 0.01 / np.linalg.norm(v)
    ends = problem.theta0[:, None] + np.stack([v, -v, 0.0 * v], axis=1)
    losses, grads = problem.loss_and_grad(ends)
    assert losses[2] == pytest.approx(trained.losses["after_gd"], rel=1e-6)
    product = H.matmat(v[:, None])[:, 0]
    # single precision over a distance of 0.01: 1e-7 / 0.01 of the gradient, and the third order
    assert 0.5 * (grads[:, 0] - grads[:, 1]) == pytest.approx(
        product, abs=2e-2 * np.linalg.norm(product)
    )


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_a_bias_before_batch_statistics_is_a_null_direction(trained):
    from bench.paper import dncnn

    H = dncnn.operator(dncnn.with_statistics(trained, "batch"), trained)
    bias = np.zeros((H.n, dncnn.CHANNELS))
    first = 72 + 8 + 576  # after conv 1->8 with its bias, and the weights of conv 8->8
    bias[first : first + dncnn.CHANNELS] = np.eye(dncnn.CHANNELS)
    assert np.abs(H.matmat(bias)).max() <= 1e-12  # products of size 1 elsewhere
    frozen = dncnn.operator(dncnn.with_statistics(trained, "frozen"), trained)
    assert np.abs(frozen.matmat(bias)).max() >= 1e-6


def test_the_page_says_what_the_record_shows():
    record_ = record.load("paper/fig3")
    assert record_ is not None
    page = (record.ROOT / "docs/concepts/dncnn.md").read_text()
    relu = [row for row in record_["spectra"] if row["network"] == "ReLU"]
    for key, said in (("share_34", "84 to 88 %"), ("share_133", "97 to 98 %")):
        low, high = sorted(round(100 * row[key]) for row in relu)
        assert f"{low} to {high} %" == said
        assert said in page
    many = [row for row in record_["ladder"] if (row["of_positive"] or 0.0) > 300.0]
    few = [row for row in record_["ladder"] if row["of_positive"] and row["of_positive"] < 113.0]
    assert len(many) + len(few) == sum(row["of_positive"] is not None for row in record_["ladder"])
    assert min(row["exponent"] for row in many) > 1.0
    assert max(row["exponent"] for row in few) < 0.1
    asked = [row for row in record_["questions"] if row["of_positive"] > 300.0]
    assert all(abs(row["of_positive"] - row["exact"]) < 0.05 * row["exact"] for row in asked)
    assert all(row["status"] == "NotPositiveError" for row in record_["automatic"])
    errors = [row["product_error"] for row in record_["scan"] if row["product_error"]]
    assert (round(100 * min(errors)), round(100 * max(errors))) == (9, 104)
    quiet = [row for row in record_["scan"] if row["status"] not in ("NOT_SMOOTH", "NOT_QUADRATIC")]
    assert "9 % to 104 %" in page
    assert len(quiet) == 1
    assert quiet[0]["low"] <= quiet[0]["closed_form"] <= quiet[0]["high"]
    batch = {r["way"]: r for r in record_["ubaru_saad"] if r["statistics"] == "batch"}
    once, scaled = batch["published, positive part"], batch["published, positive part, times 100"]
    assert [round(r["estimate"]) for r in (once, scaled)] == [11, 45]
    assert [round(100 * r["share"]) for r in (once, scaled)] == [65, 88]


def test_the_bars_of_the_record_are_met():
    record_ = record.load("paper/fig3")
    assert record_ is not None
    for bar in record_["bars"].values():
        assert bar.get("at_least", -np.inf) <= bar["figure"] <= bar.get("at_most", np.inf)
