"""What a person sees of a result: one line, identity, and what it can still do when copied."""

import copy
import json
import pickle

import numpy as np
import pytest
import scipy.sparse as sp

import symrank
from symrank import RankResult, gallery
from symrank.errors import OptionError
from symrank.methods import BY_NAME
from symrank.operators import (
    Congruent,
    Scaled,
    Shifted,
    Squared,
    as_operator,
    augmented,
    gram,
    kron,
)
from symrank.spectrum.intervals import (
    BetaInterval,
    ChainInterval,
    Complement,
    ExactInterval,
    Raised,
)

LONGEST = 300  # characters that a repr may take

DIAGONAL = gallery.diagonal(np.append(np.linspace(0.5, 1.0, 500), np.zeros(300)))


def objects():
    """Yield one of every public kind, by name."""
    A = np.diag([2.0, 1.0, 0.0])
    sampled = symrank.rank(DIAGONAL, "lanczos", rng=1)
    yield "result", sampled
    yield "count", symrank.count(DIAGONAL, 0.5, 0.8, "lanczos", rng=1)
    yield "measure", sampled.measure
    yield "run", sampled.measure.runs[0]
    yield "trace", sampled.measure.trace(np.exp)
    yield "gaps", sampled.gaps[0]
    yield "status", sampled.status
    yield "basis", symrank.rank(A, symrank.Sketch(basis=True), rng=1).basis
    yield "progress", symrank.Progress(1, 2, None)
    for name, cls in BY_NAME.items():
        yield name, cls()
        yield f"result of {name}", symrank.rank(A, cls(), rng=1, max_matvecs=400)
    exact = ExactInterval(low=1, high=2)
    beta = BetaInterval(n=10**9, num_probes=100, null_low=1 / 3, null_high=2 / 3)
    chains = ChainInterval(
        n=10**9, estimate=1e6 / 3, stderr=1 / 3, dof=9, bias_low=-1 / 3, bias_high=1 / 3
    )
    yield from (("exact", exact), ("beta", beta), ("chains", chains))
    yield "complement", Complement(n=10**9, of=Raised(n=10**9, most=1 / 3, of=beta))
    G = symrank.Preconditioner.diagonal(np.ones(3))
    yield "preconditioner", G
    yield "factor", G.factor
    yield "entries", gram(sp.csr_array(A)).factor
    operator = as_operator(A)
    yield from enumerate(
        (operator, augmented(A), gram(A), kron(A, A), Scaled(operator, 2.0), Squared(operator),
         Shifted(operator, 1.0 / 3.0), Congruent(operator, G.factor),
         gallery.linear_network(8, rng=0).hessian())
    )  # fmt: skip
    yield "plan", symrank.plan(gallery.grid_laplacian((30, 30)))
    yield "choice", symrank.plan(A).choice


def test_every_public_object_is_shown_in_one_short_line():
    for name, thing in objects():
        shown = repr(thing)
        assert "\n" not in shown, name
        assert len(shown) < LONGEST, (name, len(shown))
        assert "array(" not in shown, name
        assert type(thing).__name__ in shown, name


def test_a_result_shows_what_str_says():
    result = symrank.rank(DIAGONAL, "lanczos", rng=1)
    assert repr(result) == f"<RankResult: {result}>"


def test_results_are_equal_by_identity_and_can_be_hashed():
    result = symrank.rank(DIAGONAL, "lanczos", rng=1)
    again = RankResult.from_dict(result.to_dict(measure=True))
    assert result == result
    assert result != again
    assert again.to_dict(measure=True) == result.to_dict(measure=True)
    assert len({result, again, result}) == 2
    assert result in [again, result]


def test_the_nullity_is_the_rest():
    result = symrank.rank(np.diag([2.0, 1.0, 0.0]))
    assert (result.rank, result.nullity, result.n) == (2, 1, 3)
    counted = symrank.count(np.diag([2.0, 1.0, 0.0]), 0.5, 1.5)
    with pytest.raises(OptionError, match=r"\(0.5, 1.5\).*no nullity.*symrank.rank"):
        _ = counted.nullity


def test_a_basis_that_was_not_kept_is_none_and_says_how_to_get_it():
    result = symrank.rank(np.diag([2.0, 1.0, 0.0]))
    assert result.basis is None
    with pytest.raises(OptionError, match=r"no basis.*Sketch\(basis=True\)"):
        result.to_dict(basis=True)
    assert "basis" not in result.to_dict()


@pytest.mark.parametrize("make_copy", [copy.copy, copy.deepcopy])
def test_a_copy_can_be_refined_and_the_vectors_serve_once(make_copy):
    rough = symrank.rank(DIAGONAL, "lanczos", precision=40, rng=1)
    other = make_copy(rough)
    assert other is not rough
    assert other.to_dict(measure=True) == rough.to_dict(measure=True)
    fine = other.refine(precision=10)
    assert fine.num_matvecs > rough.num_matvecs
    with pytest.raises(OptionError, match="refined already"):
        rough.refine(precision=10)


def test_a_pickle_has_no_vectors_and_says_so():
    rough = symrank.rank(DIAGONAL, "lanczos", precision=40, rng=1)
    again = pickle.loads(pickle.dumps(rough))
    with pytest.raises(OptionError, match="restored from a record or a pickle"):
        again.refine(precision=10)


def test_notes_survive_json():
    result = symrank.rank(np.diag([1e30, 1.0, 0.0]), rng=1)
    record = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert RankResult.from_dict(record).notes == tuple(result.notes) != ()
