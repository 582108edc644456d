"""Rows: folders that cannot be written, caches that cannot be read, BLAS with threads of its own.

A package that cannot be written is a copy whose ``__pycache__`` is a plain file and whose home does
not exist: that stops root, too.
"""

import functools
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from threadpoolctl import threadpool_limits

import symrank
from symrank import gallery
from symrank.kernels.compiled import threads
from symrank.operators import (
    Congruent,
    LinearNetworkHessian,
    Operator,
    Scaled,
    Squared,
    as_operator,
    augmented,
    gram,
    kron,
    shift,
)
from symrank.operators.deflated import Deflated
from tests.faults.child import ROOT, python
from tests.faults.row import Row

NOWHERE = "/proc/nonexistent"
SMALL = """
import numpy as np, symrank
from symrank import kernels
nodes, _, _ = kernels.load("cpu_numba").golub_welsch(np.ones(3), np.ones(2))
assert abs(nodes - [1 - 2**0.5, 1, 1 + 2**0.5]).max() < 1e-12
"""
WHOLE = """
import numpy as np, symrank
A = np.diag(np.r_[np.arange(1.0, 41.0), np.zeros(20)])
low, high = symrank.rank(A, "lanczos", rng=1).interval()
assert low <= 40 <= high
"""
COMMAND = """
import subprocess, sys, numpy as np
np.save("A.npy", np.diag([3.0, 1.0, 0.0]))
done = subprocess.run([sys.executable, "-W", "ignore", "-m", "symrank", "rank", "A.npy", "--json"],
                      capture_output=True, text=True)
assert done.returncode == 0 and '"rank": 2' in done.stdout, (done.stdout, done.stderr)
"""
QUIET = (
    """
import logging
class Keep(logging.Handler):
    def emit(self, record):
        found.append((record.name, record.levelno, record.getMessage()))
found = []
logging.getLogger("symrank").addHandler(Keep())
logging.getLogger("symrank").setLevel(logging.DEBUG)
"""
    + SMALL
)
LIMITED = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))
"""
GONE = """
import shutil
from symrank import kernels
kernels.load("cpu_numba")
shutil.rmtree("cache")
open("cache", "w").close()
"""


def read_only(tmp: Path) -> tuple[Path, dict[str, str]]:
    """Return where a package lies that cannot be written, and the environment that goes with it."""
    site = tmp / "site"
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "symrank", site / "symrank", ignore=ignore)
    for folder in (site / "symrank").rglob("*"):
        if folder.is_dir():
            (folder / "__pycache__").touch()
    temporary = tmp / "tmp"
    temporary.mkdir()
    env = {"HOME": NOWHERE, "XDG_CACHE_HOME": NOWHERE, "TMPDIR": str(temporary)}
    return site, env | {"PYTHONDONTWRITEBYTECODE": "1"}


def private(tmp: Path) -> Path:
    return tmp / "tmp" / f"symrank-{os.getuid()}"


def unwritable(code: str, *options: str) -> Callable[[Path], None]:
    def check(tmp: Path) -> None:
        site, env = read_only(tmp)
        python(code, tmp, *options, path=site, **env)
        kept = private(tmp)
        assert kept.stat().st_mode & 0o777 == 0o700
        assert list(kept.rglob("*.nbc"))

    return check


def no_place(prepare: Callable[[Path], None]) -> Callable[[Path], None]:
    """Nothing is run from, or written to, a folder that others may have prepared."""

    def check(tmp: Path) -> None:
        site, env = read_only(tmp)
        prepare(tmp)
        before = sorted(tmp.rglob("*.nb?"))
        python(SMALL, tmp, "-W", "error", path=site, **env)
        assert sorted(tmp.rglob("*.nb?")) == before

    return check


def open_to_all(tmp: Path) -> None:
    private(tmp).mkdir()
    private(tmp).chmod(0o777)


def of_another(tmp: Path) -> None:
    if os.getuid():
        pytest.skip("only root can make a folder of somebody else's")
    private(tmp).mkdir(mode=0o700)
    os.chown(private(tmp), 12345, 12345)


def a_link(tmp: Path) -> None:
    (tmp / "elsewhere").mkdir(mode=0o700)
    private(tmp).symlink_to(tmp / "elsewhere")


def a_file(tmp: Path) -> None:
    private(tmp).touch()


def not_sticky(tmp: Path) -> None:
    (tmp / "tmp").chmod(0o777)


def note(tmp: Path) -> None:
    site, env = read_only(tmp)
    a_file(tmp)
    found = python(QUIET + "print(found)\n", tmp, path=site, **env)
    assert found.count("symrank") >= 1
    assert found.count("compiled code is not kept on disk") == 1  # once a process
    assert "('symrank', 20," in found


@functools.cache
def _warm() -> Path:
    """Return a cache that holds what `SMALL` needs."""
    folder = Path(tempfile.mkdtemp(prefix="symrank-rows-"))
    python(SMALL, folder, NUMBA_CACHE_DIR=str(folder / "cache"))
    return folder / "cache"


def damaged(suffix: str, damage: Callable[[Path], None]) -> Callable[[Path], None]:
    """A file that cannot be read is replaced."""

    def check(tmp: Path) -> None:
        cache = tmp / "cache"
        shutil.copytree(_warm(), cache)
        files = list(cache.rglob(f"*{suffix}"))
        assert files
        for file in files:
            damage(file)
        python(SMALL, tmp, "-W", "error", NUMBA_CACHE_DIR=str(cache))
        if damage not in MENDED:
            return
        for file in files:
            if "_implicit_ql" in file.name:
                assert file.stat().st_size == _twin(file, cache).stat().st_size

    return check


def _twin(file: Path, cache: Path) -> Path:
    return _warm() / file.relative_to(cache)


def cut_short(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def garbage(file: Path) -> None:
    file.write_bytes(b"\x80\x05garbage" * 50)


def a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def forbidden(file: Path) -> None:
    if not os.getuid():
        pytest.skip("root may read everything")
    file.chmod(0)


MENDED = (cut_short, emptied, garbage)


def with_cache(code: str, folder: str = "cache", **env: str) -> Callable[[Path], None]:
    def check(tmp: Path) -> None:
        cache = folder if os.path.isabs(folder) else str(tmp / folder)
        python(code, tmp, "-W", "error", NUMBA_CACHE_DIR=cache, **env)

    return check


def a_file_for_a_folder(tmp: Path) -> None:
    (tmp / "cache").touch()
    with_cache(SMALL)(tmp)


def old_code(tmp: Path) -> None:
    """A kernel whose text stays is compiled anew where a file that it uses has changed."""
    shutil.copytree(ROOT / "symrank", tmp / "symrank", ignore=shutil.ignore_patterns("__pycache__"))
    ask = (
        "import numpy as np, scipy.sparse as sp\nfrom symrank import kernels\n"
        "from symrank.kernels.multiplicands import Csr\n"
        "A, X = sp.csr_array(np.full((1, 1), 3.0)), np.ones((1, 1))\n"
        "T = np.zeros((1, 1))\n"
        "AX = Csr(A.indptr, A.indices, A.data, X)\n"
        "kernels.load('cpu_numba').chebyshev_step(AX, X, T, 1.0, 0.0)\nprint(T[0, 0])\n"
    )
    env = {"NUMBA_CACHE_DIR": str(tmp / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
    assert float(python(ask, tmp, path=tmp, **env)) == 3.0
    source = tmp / "symrank" / "kernels" / "_products.py"
    changed = source.read_text().replace(
        "y = fma(splat(tag, f64(data[j])),", "y = fma(splat(tag, f64(2) * f64(data[j])),"
    )
    source.write_text(changed)
    assert float(python(ask, tmp, path=tmp, **env)) == 6.0


def two_at_once(tmp: Path) -> None:
    code = (
        "import subprocess, sys\n"
        f"work = [subprocess.Popen([sys.executable, '-c', {SMALL!r}]) for _ in range(3)]\n"
        "assert [one.wait() for one in work] == [0, 0, 0]\n"
    )
    with_cache(code)(tmp)


OPERATORS: dict[str, Callable[[np.random.Generator], Operator]] = {
    "a dense matrix": lambda rng: as_operator(_symmetric(rng, 600)),
    "columns in memory order": lambda rng: as_operator(np.asfortranarray(_symmetric(rng, 600))),
    "float32": lambda rng: as_operator(_symmetric(rng, 600).astype(np.float32)),
    "complex": lambda rng: as_operator(_symmetric(rng, 400, 1j)),
    "complex64": lambda rng: as_operator(_symmetric(rng, 400, 1j).astype(np.complex64)),
    "gram": lambda rng: gram(rng.standard_normal((900, 500))),
    "gram, rows": lambda rng: gram(rng.standard_normal((500, 900)), side="rows"),
    "gram, complex": lambda rng: gram(_symmetric(rng, 400, 1j)[:, :250]),
    "augmented": lambda rng: augmented(rng.standard_normal((700, 300))),
    "a linear network": lambda rng: LinearNetworkHessian(
        [rng.standard_normal((32, 32)) for _ in range(4)]
    ),
    "a Kronecker product": lambda rng: kron(_symmetric(rng, 300), _symmetric(rng, 12)),
    "a Kronecker product with a wide block": lambda rng: kron(
        _symmetric(rng, 12), _symmetric(rng, 300)
    ),
    "a covariance": lambda rng: gallery.spiked_covariance(2000, 64, rng),
    "deflated": lambda rng: Deflated(
        as_operator(_symmetric(rng, 600)), np.eye(600, 40) + rng.standard_normal((600, 40))
    ),
    "shifted": lambda rng: shift(as_operator(_symmetric(rng, 600)), 2.0),
    "scaled": lambda rng: Scaled(as_operator(_symmetric(rng, 600)), 0.5),
    "squared": lambda rng: Squared(as_operator(_symmetric(rng, 600))),
    "a congruence": lambda rng: Congruent(
        as_operator(_symmetric(rng, 500)),
        symrank.Preconditioner.from_factor(rng.standard_normal((500, 500))).factor,
    ),
}
METHODS = ("lanczos", "langevin", "chebyshev", "ubaru-saad", "projection", "sketch", "dense")


def _symmetric(rng: np.random.Generator, n: int, imaginary: complex = 0.0) -> Any:
    B: Any = rng.standard_normal((n, n))
    if imaginary:
        B = B + imaginary * rng.standard_normal((n, n))
    return np.tril(B) + np.tril(B, -1).conj().T


def same_products(name: str) -> Callable[[Path], None]:
    def check(tmp: Path) -> None:
        rng = np.random.default_rng(5)
        with threadpool_limits(1):
            A = OPERATORS[name](rng)
        for k in (1, 3, 16, 70):
            X = rng.standard_normal((A.n, k)).astype(A.dtype)
            found = set()
            for count in (1, 2, 4):
                with threadpool_limits(count), threads.using(count):
                    found.add(A.matmat(X).tobytes())
            assert len(found) == 1, f"{k} columns"

    return check


def same_answer(method: str) -> Callable[[Path], None]:
    def check(tmp: Path) -> None:
        B = np.round(np.random.default_rng(3).standard_normal((400, 150)), 2)
        A = np.round(B @ B.T, 4)  # exact but for the last bits, which rounding removes
        found = set()
        for count in (1, 2):
            with threadpool_limits(count), threads.using(count):
                r = symrank.rank(A, method, rng=11, max_matvecs=600)
                numbers = (r.rank, r.estimate, r.stderr, r.bounds, r.threshold, r.interval())
                found.add(repr((numbers, r.num_matvecs, np.asarray(r.samples).tobytes())))
        assert len(found) == 1

    return check


def no_compiler(tmp: Path) -> None:
    python(WHOLE, tmp, NUMBA_DISABLE_JIT="1")


def sparse_without_compiler(tmp: Path) -> None:
    A = sp.csr_array(np.diag([1.0, 2.0, 0.0]))
    assert symrank.rank(A, symrank.Lanczos(kernel="reference"), rng=1).interval()[1] >= 2


def row(fault: str, door: str, check: Callable[[Path], None], is_slow: bool = False) -> Row:
    return Row(group="machines", fault=fault, door=door, check=check, is_slow=is_slow)


ROWS = [
    row("nothing can be written", "kernels", unwritable(SMALL, "-W", "error")),
    row("nothing can be written", "rank", unwritable(WHOLE, "-W", "error"), True),
    row("nothing can be written", "python -m symrank", unwritable(SMALL + COMMAND), True),
    row("nothing can be written, a folder open to all", "kernels", no_place(open_to_all)),
    row("nothing can be written, a folder of another user", "kernels", no_place(of_another)),
    row("nothing can be written, a link for a folder", "kernels", no_place(a_link)),
    row("nothing can be written, a file for a folder", "kernels", no_place(a_file)),
    row("nothing can be written, a temporary folder not sticky", "kernels", no_place(not_sticky)),
    row("nothing can be written", "the logger", note),
    *(
        row(
            f"a cache, {suffix} {damage.__name__.replace('_', ' ')}",
            "kernels",
            damaged(suffix, damage),
            (i + j) % 2 > 0,
        )
        for i, suffix in enumerate((".nbi", ".nbc"))  # every damage to one of both, and back
        for j, damage in enumerate((cut_short, emptied, garbage, a_folder, forbidden))
    ),
    row("NUMBA_CACHE_DIR that cannot be", "kernels", with_cache(SMALL, NOWHERE)),
    row("NUMBA_CACHE_DIR that is a file", "kernels", a_file_for_a_folder),
    row("a full disk", "kernels", with_cache(LIMITED + SMALL)),
    row("a full disk", "rank", with_cache(LIMITED + WHOLE), True),
    row("a cache that goes away", "kernels", with_cache(GONE + SMALL)),
    row("a cache of older code", "kernels", old_code, True),
    row("a cache that three processes fill", "kernels", two_at_once, True),
    row("NUMBA_DISABLE_JIT", "rank", no_compiler),
    row("kernel='reference'", "rank", sparse_without_compiler),
    *(row("1, 2 and 4 BLAS threads", name, same_products(name)) for name in OPERATORS),
    *(row("1 and 2 BLAS threads", name, same_answer(name)) for name in METHODS),
]
