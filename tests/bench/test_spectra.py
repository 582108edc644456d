"""The networks of the spectra benchmark, and what it says of small ones, against dense matrices."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")]

from bench.networks import spectra, trained  # noqa: E402


def lesson(model, x, y):
    return trained.Lesson("small", model, (x, y), (x, y), (x, y), batch=4, rate=1e-3)


@pytest.fixture
def small_digits():
    torch.manual_seed(0)
    x = torch.rand(12, 1, 28, 28)
    return lesson(trained.Digits(channels=2, hidden=3), x, torch.arange(12) % 10)


@pytest.fixture
def small_writer():
    torch.manual_seed(0)
    x = torch.randint(trained.WORDS, (3, trained.LENGTH + 1))
    return lesson(trained.Writer(width=4, blocks=1, heads=2), x[:, :-1], x[:, 1:])


def test_the_networks_have_their_sizes():
    sizes = [sum(p.numel() for p in m.parameters()) for m in (trained.Digits(), trained.Writer())]
    assert sizes == [105_866, 107_968]
    assert all(f"{n // 1000} {n % 1000}" in m.__doc__
               for n, m in zip(sizes, (trained.Digits, trained.Writer), strict=True))  # fmt: skip


def test_the_text_is_the_same_twice_and_ascii():
    text = trained.docstrings(20_000)
    assert len(text) == 20_000
    assert text == trained.docstrings(20_000)
    codes = trained.codes(text)
    assert 0 <= codes.min() <= codes.max() < trained.WORDS
    back = "".join("\n" if c == trained.WORDS - 1 else chr(c + ord(" ")) for c in codes)
    assert back == text


def test_no_character_sees_a_later_one(small_writer):
    """A change of the last character changes the last logits only."""
    x = small_writer.fixed[0].clone()
    before = small_writer.model(x)
    x[:, -1] = (x[:, -1] + 1) % trained.WORDS
    same = (small_writer.model(x) == before).all(1).reshape(len(x), trained.LENGTH)
    assert same[:, :-1].all()
    assert not same[:, -1].any()


@pytest.mark.parametrize("which", ["small_digits", "small_writer"])
def test_what_is_said_holds_of_the_dense_hessian(which, request):
    case = request.getfixturevalue(which)
    assert list(case.epochs(1)) == [0, 1]
    A = spectra.matrix(case, "hessian", "float64")
    H = A.matmat(np.eye(A.n))
    exact = np.linalg.eigvalsh(0.5 * (H + H.T))
    result, _ = spectra.ask(A, products=800)
    norm = result.measure.spectral_norm
    for row in spectra.signed_counts(result, norm):
        cut = row["cut"] * norm * (1.0 - 1e-9)  # the largest Ritz value is on the first cut
        outer = row["cut"] * norm * (1.0 + 1e-9)
        assert row["above_low"] <= (exact > cut).sum()
        assert (exact > outer).sum() <= row["above_high"]
        assert row["below_low"] <= (exact < -cut).sum()
        assert (exact < -outer).sum() <= row["below_high"]
    lefts = []
    for row in spectra.largest(result):
        if row["left"] is not None:
            inside = (row["left"] <= exact) & (exact <= row["right"])
            assert inside.any()
            lefts.append(row["left"])
    assert lefts == sorted(lefts, reverse=True)
    assert lefts
    trace = spectra.ends(result.measure.trace(lambda x: x))
    assert trace["low"] <= exact.sum() <= trace["high"]


def test_a_union_is_disjoint_and_positive():
    parts = spectra.union([(0.9, 1.1), (-2.0, -1.0), (1.0, 1.5), (3.0, 4.0), (0.1, 0.2)])
    assert parts == [(3.0, 4.0), (0.9, 1.5), (0.1, 0.2)]
