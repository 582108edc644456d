r"""What columns Y = A Omega prove of a count by themselves: no product with a basis of the range.

Omega (n, m) standard Gaussian. Its largest singular value exceeds sqrt(n) + sqrt(m) by t with
probability at most exp(-t^2 / 2) (K. Davidson and S. Szarek, Handbook of the Geometry of Banach
Spaces I, 2001, theorem II.13); a complex one is the sum of two real ones over sqrt(2). So, except
with probability LOOK_FAILURE,

    |Omega| <= w = sqrt(n) + sqrt(m) + t,   times sqrt(2) for complex numbers.                (5)

Lower bound on a rank. s_k(A Omega) <= |Omega| s_k(A) for every k, so

    s_k(Y) > w tau   proves that at least k of the |lambda| are above tau.                    (6)

With Q (n, k) an orthonormal basis and R = Q* Y, s_k(Y) >= s_k(R), and 1 / |L^-1|_F bounds that from
below, L the triangle of R* = P L. m of 1.05 k and 16 more columns keep s_k(R) within a few dozen
times of w |lambda_k|; that nothing lies outside of Q is eq. (2) of
`symrank.methods.spaces.certificates`, and the count is exact where both meet.

Inertia. If A has p eigenvalues above tau > 0, Omega* A Omega is a form of rank p plus one that is
at most tau |Omega|^2, so

    #{eigenvalues of Omega* A Omega above w^2 tau} <= #{eigenvalues of A above tau},          (7)

and the same from below. Where the two numbers add up to k, they are the signs of all k.

Upper bound on |A|. Eq. (2) with an empty basis: |A| <= |Y_b| / chi(b) for the b columns of a panel.

Rounding. A product errs by `Cuts.noise` for a unit vector, so A Omega by w times that, and Omega* A
Omega by 2 w^2 times that, the sums of the second product included.
"""

import math

import numpy as np
import scipy.linalg

from symrank.methods.base import Goal
from symrank.methods.spaces.certificates import Cuts
from symrank.methods.spaces.reflectors import Reflectors
from symrank.operators.gemm import gemm
from symrank.spectrum import margins
from symrank.support import probes
from symrank.support.typing import Array

__all__ = ["faint", "least_singular_value", "longest", "norm", "signs", "width"]

POWER_STEPS = 8  # for |A| from below
FAINT = 16  # directions that are looked at first
EIGENVALUES = 10.0  # eigvalsh moves eigenvalues by less than this many sqrt(m) eps |A|


def width(n: int, m: int, is_complex: bool) -> float:
    """Return w of eq. (5)."""
    tail = math.sqrt(-2.0 * math.log(margins.LOOK_FAILURE))
    return (math.sqrt(n) + math.sqrt(m) + tail) * (math.sqrt(2.0) if is_complex else 1.0)


def least_singular_value(R: Array) -> float:
    """Bound from below the least singular value of R (k, m), k <= m; zero where nothing is known.

    The computed inverse X of L has |X L - I| <= x below one half, and s_k >= (1 - x) / |X|_F.
    """
    k = R.shape[0]
    if not 0 < k <= R.shape[1]:
        return 0.0
    L = np.asarray(np.linalg.qr(R.conj().T, mode="r"))
    L = L.astype(np.promote_types(R.dtype, np.float64))
    if not np.abs(L.diagonal()).min() > 0.0:
        return 0.0
    X = scipy.linalg.solve_triangular(L, np.eye(k, dtype=L.dtype), check_finite=False)
    size = float(np.linalg.norm(X))
    error = k * float(np.finfo(L.dtype).eps) * size * float(np.linalg.norm(L))
    rounding = 10.0 * float(np.finfo(R.dtype).eps) * float(np.linalg.norm(R))  # of the triangle
    return max((1.0 - error) / size - rounding, 0.0) if error < 0.5 else 0.0


def norm(X: Array) -> float:
    """Return |X| of a tall block, from the eigenvalues of X* X: the largest is as good as any."""
    size = float(np.abs(X).max(initial=0.0))
    if not size > 0.0:
        return size
    X = X / size
    return size * math.sqrt(float(np.linalg.eigvalsh(gemm(X.conj().T, X))[-1]))


def longest(R: Array) -> Array:
    """Return the unit vector (k, 1) that the columns of R (k, m) are longest along, about."""
    j = int(np.argmax(np.linalg.norm(R, axis=0)))
    x = R[:, j : j + 1]
    for _ in range(POWER_STEPS):
        size = float(np.linalg.norm(x))
        if not size > 0.0:
            return np.zeros_like(x)
        x = gemm(R, gemm(R.conj().T, x / size))
    return np.ascontiguousarray(x / np.linalg.norm(x))


def faint(R: Array, least: float) -> Reflectors:
    """Return the left singular vectors of R (k, m) whose singular values are at most `least`.

    Approximately: nothing that is proved depends on them, they only make it sharp.
    """
    k, m = R.shape
    found = Reflectors(k, R.dtype)
    if k > m or not k:
        return found
    L = np.asarray(np.linalg.qr(R.conj().T, mode="r")).conj().T
    tiny = np.finfo(R.dtype).eps * max(float(np.abs(L.diagonal()).max()), np.finfo(R.dtype).tiny)
    place = np.arange(k)
    L[place, place] += np.where(np.abs(L.diagonal()) > tiny, 0.0, tiny)
    width = min(FAINT, k)
    while True:
        X, values = _least_vectors(L, width)
        num_faint = int((values <= least).sum())
        if num_faint < width or width == k:
            break
        width = min(4 * width, k)
    if num_faint:
        found.widen(np.ascontiguousarray(X[:, :num_faint]), 0.0)
    return found


def _least_vectors(L: Array, width: int) -> tuple[Array, Array]:
    """Return the least left singular vectors of a lower triangle, and their values, ascending."""
    X = np.eye(L.shape[0], width, -(L.shape[0] - width), dtype=L.dtype)
    for trans in ("N", "C"):  # one inverse iteration: what is faint is far below the rest
        X = scipy.linalg.solve_triangular(L, X, trans=trans, lower=True, check_finite=False)
        X, _ = np.linalg.qr(X)
    turn, values, _ = np.linalg.svd(gemm(X.conj().T, L), full_matrices=False)
    return gemm(X, turn[:, ::-1].copy()), values[::-1]


def signs(panels: list[Array], cuts: Cuts, norm: float, goal: Goal) -> tuple[int, int]:
    """Return how many eigenvalues are proved to be above the cut, and below minus the cut; (7).

    Parameters
    ----------
    panels
        A times the Gaussian columns number 0, 1, ..., in blocks.
    cuts
        For the largest |A| that it may have, which is `norm`.
    """
    Z = _form(panels, goal)
    m = Z.shape[0]
    rounding = EIGENVALUES * math.sqrt(m) * float(np.finfo(goal.dtype).eps) * norm
    w = width(goal.n, m, goal.is_complex)
    least = w * w * (cuts.high + 2.0 * cuts.noise + rounding)
    values = scipy.linalg.eigvalsh(Z, lower=False, overwrite_a=True, check_finite=False)
    return int((values > least).sum()), int((values < -least).sum())


def _form(panels: list[Array], goal: Goal) -> Array:
    """Return the upper triangle of Omega* A Omega, drawing Omega again."""
    stops = np.cumsum([Y.shape[1] for Y in panels])
    Z = np.zeros((int(stops[-1]),) * 2, goal.dtype)
    for i, Y in enumerate(panels):
        first = int(stops[i]) - Y.shape[1]
        Omega = probes.gaussian(goal.seed, first, Y.shape[1], goal.n, goal.dtype)
        rows = np.ascontiguousarray(Omega.conj().T)
        for stop, other in zip(stops[i:], panels[i:], strict=True):
            Z[first : stops[i], stop - other.shape[1] : stop] = gemm(rows, other)
    return Z
