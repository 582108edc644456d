"""What the operator is made of: one row each, from eigenvalues to a `Problem` (`builders`)."""

import importlib.util
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as spla

from tests.adversary.builders import (
    NOISE,
    PRODUCT_ERROR,
    SIDE,
    SINGLE_EPS,
    all_long_ones_tried,
    augmented_of,
    congruent,
    diagonal,
    gram_of,
    grid_with_holes,
    integers,
    kronecker,
    linear_operator,
    long_blocks,
    noisy,
    own,
    padded,
    pairs,
    rectangle,
    rotated,
    scaled,
    shifted,
    tall_float32,
    triangles,
)  # fmt: skip
from tests.adversary.builders_dask import dask_array, dask_rows
from tests.adversary.builders_dask import world as dask_world
from tests.adversary.builders_device import dense_there, operator_there, sparse_there
from tests.adversary.builders_graphs import NODES, incidence, weighted_graph
from tests.adversary.builders_networks import (
    differences,
    gauss_newton,
    jax_hessian,
    torch_hessian,
    torch_model,
    torch_shards,
)
from tests.adversary.problems import Problem
from tests.device import stand_in

SINGLE = 100  # exponents of two that single precision holds with room for eps
SQUARED = 700  # those of a Gram operator: its factor is not rescaled, so its units stay
DENSE = (1, 2, 3, 5, 12, 31, 60, 150, 300)
DIAGONAL = (*DENSE, 600)


@dataclass(frozen=True)
class Form:
    """How to make an operator.

    ``make(lam, level, rng)`` returns a `Problem` with these eigenvalues, or more of them.
    """

    name: str
    make: Callable[[np.ndarray, float, np.random.Generator], Problem]
    eps: float = float(np.finfo(np.float64).eps)
    sizes: tuple[int, ...] = DENSE
    is_semidefinite: bool = False  # takes eigenvalues >= 0 alone
    max_exponent: int = 1000
    gives: str = "matrix entries null"  # what doors may ask of it
    is_rectangle: bool = False  # for the doors that take singular values
    is_special: bool = False  # a matrix of its own: for the spectrum that names it
    refuses: tuple[str, ...] = ()  # words in the names of doors that it is not for
    world: Callable[[], Any] = nullcontext  # in which it is made and asked about


def dtype_of(make: Callable[..., Problem], dtype: Any) -> Callable[..., Problem]:
    return lambda lam, level, rng: make(lam, level, rng, dtype)


THERE: dict[str, Any] = {"refuses": ("from_factor",), "world": stand_in.quick}
FORMS = {
    form.name: form
    for form in (
        Form("diagonal", lambda lam, level, rng: diagonal(lam, level), sizes=DIAGONAL),
        Form("dense", rotated),
        Form("complex128", dtype_of(rotated, np.complex128)),
        Form("float32", dtype_of(rotated, np.float32), SINGLE_EPS, max_exponent=SINGLE),
        Form("complex64", dtype_of(rotated, np.complex64), SINGLE_EPS, max_exponent=SINGLE),
        Form("diagonal float32", lambda lam, level, rng: diagonal(lam, level, np.float32),
             SINGLE_EPS, DIAGONAL, max_exponent=SINGLE),
        Form("sparse pairs", pairs, sizes=DIAGONAL, gives="matrix entries"),
        Form("padded", padded, sizes=DIAGONAL, gives="matrix entries"),
        Form("integers", integers, sizes=DIAGONAL, max_exponent=0, gives="matrix entries"),
        Form("LinearOperator", linear_operator, sizes=DIAGONAL, gives="null"),
        Form("own operator", own, gives="null"),
        Form("noisy", noisy, NOISE / PRODUCT_ERROR, max_exponent=SINGLE, gives=""),
        Form("finite differences", differences, NOISE / PRODUCT_ERROR, max_exponent=SINGLE,
             gives=""),
        Form("gram", gram_of("columns"), is_semidefinite=True, max_exponent=SQUARED,
             gives="entries"),
        Form("gram rows", gram_of("rows"), is_semidefinite=True, max_exponent=SQUARED,
             gives="entries"),
        Form("gram sparse float32", gram_of("rows", np.float32, sp.csr_array), SINGLE_EPS,
             is_semidefinite=True, max_exponent=SINGLE // 2, gives="entries"),
        Form("augmented", augmented_of, gives="entries"),
        Form("tall", rectangle(), is_semidefinite=True, gives="entries", is_rectangle=True),
        Form("tall, long", rectangle(more=1400), is_semidefinite=True, gives="entries",
             is_rectangle=True, world=all_long_ones_tried, refuses=("inertia",)),
        Form("tall sparse float32", rectangle(sp.csr_array, np.float32), SINGLE_EPS,
             is_semidefinite=True, max_exponent=SINGLE, gives="entries", is_rectangle=True),
        Form("tall by products", rectangle(spla.aslinearoperator), is_semidefinite=True,
             gives="", is_rectangle=True),
        Form("tall triangles", triangles, sizes=DIAGONAL, is_semidefinite=True,
             gives="matrix entries", is_rectangle=True),
        Form("long sparse", long_blocks, sizes=DIAGONAL, is_semidefinite=True,
             gives="matrix entries", is_rectangle=True),
        Form("tall incidence", incidence, sizes=DIAGONAL, is_semidefinite=True,
             gives="matrix entries", is_rectangle=True),
        Form("kron", kronecker, sizes=DENSE[:-1], gives=""),
        Form("scaled", scaled, max_exponent=990, gives="null"),
        Form("shifted", shifted, sizes=DIAGONAL, gives=""),
        Form("congruent", congruent, sizes=DIAGONAL, gives="null"),
        Form("CuPy csr", sparse_there, sizes=DIAGONAL, gives="", **THERE),
        Form("CuPy dense float32", dense_there, SINGLE_EPS, max_exponent=SINGLE, gives="", **THERE),
        Form("CuPy LinearOperator", operator_there, sizes=DIAGONAL, gives="", **THERE),
        Form("grid with holes", grid_with_holes, sizes=(SIDE**2,), is_special=True),
        Form("weighted normalised", weighted_graph, sizes=(NODES,), is_special=True),
        Form("tall float32", tall_float32, SINGLE_EPS, (3,), gives="entries", is_special=True),
    )
}  # fmt: skip
SUM: dict[str, Any] = {"is_semidefinite": True, "max_exponent": SQUARED, "gives": ""}
WITH_TORCH = (
    Form("torch hessian", torch_hessian, gives=""),
    Form("torch gauss-newton", gauss_newton, **SUM),
    Form("torch model", torch_model, **SUM),
    Form("torch shards", torch_shards, **SUM),
)
WITH_JAX = (Form("jax hessian", jax_hessian, gives=""),)
# a graph of Dask takes milliseconds: methods that ask for thousands are served by other forms
DASK: dict[str, Any] = {"gives": "", "refuses": ("langevin", "chebyshev", "ubaru", "cdf", "refine"),
                        "sizes": (1, 2, 5, 31, 60, 150), "world": dask_world}  # fmt: skip
WITH_DASK = (
    Form("Dask rows", dask_rows, **DASK),
    Form("Dask array float32", dask_array, SINGLE_EPS, max_exponent=SINGLE, **DASK),
)
for library, more in (("torch", WITH_TORCH), ("jax", WITH_JAX), ("dask", WITH_DASK)):
    if importlib.util.find_spec(library):
        FORMS |= {form.name: form for form in more}
