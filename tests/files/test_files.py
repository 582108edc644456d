"""Reading matrices: every format gives the same matrix, every bad file one clear error."""

import gzip
import os
import pickle

import numpy as np
import pytest
import scipy.io
import scipy.sparse as sp

from symrank.errors import OperatorError
from symrank.files import load_matrix

DENSE = np.array([[2.0, -1.0, 0.0], [-1.0, 2.0, 0.5], [0.0, 0.5, 0.0]])
SPARSE = sp.csr_array(DENSE)


def _mtx_gz(path):
    scipy.io.mmwrite(path.with_suffix(""), SPARSE, symmetry="symmetric")
    path.write_bytes(gzip.compress(path.with_suffix("").read_bytes()))


def _suitesparse(path):
    problem = {"A": sp.csc_matrix(SPARSE), "name": "Group/problem", "id": 7}
    scipy.io.savemat(path, {"Problem": problem})


WRITERS = {
    "general.mtx": lambda path: scipy.io.mmwrite(path, SPARSE, symmetry="general"),
    "symmetric.mtx": lambda path: scipy.io.mmwrite(path, SPARSE, symmetry="symmetric"),
    "dense.MTX": lambda path: scipy.io.mmwrite(path, DENSE),
    "symmetric.mtx.gz": _mtx_gz,
    "dense.npy": lambda path: np.save(path, DENSE),
    "anyname.npz": lambda path: np.savez(path, anyname=DENSE),
    "compressed.npz": lambda path: np.savez_compressed(path, A=DENSE),
    "csr.npz": lambda path: sp.save_npz(path, SPARSE),
    "coo.npz": lambda path: sp.save_npz(path, SPARSE.tocoo()),
    "dia.npz": lambda path: sp.save_npz(path, SPARSE.todia()),
    "bsr.npz": lambda path: sp.save_npz(path, sp.bsr_array(DENSE, blocksize=(3, 3))),
    "old_class.npz": lambda path: sp.save_npz(path, sp.csc_matrix(SPARSE)),
    "dense.mat": lambda path: scipy.io.savemat(path, {"K": DENSE}),
    "sparse.mat": lambda path: scipy.io.savemat(path, {"K": sp.csc_matrix(SPARSE)}),
    "beside_scalar_and_text.mat": lambda path: scipy.io.savemat(
        path, {"K": DENSE, "n": 3, "b": np.ones(3), "title": "stiffness"}
    ),
    "suitesparse.mat": _suitesparse,
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_matrix_that_was_written(tmp_path, name):
    path = tmp_path / name
    with path.open("wb") as file:  # writers that are given a name would append a suffix
        WRITERS[name](path if name.endswith("gz") or "csr" in name else file)

    loaded = load_matrix(path)

    is_sparse = sp.issparse(loaded)
    assert is_sparse == (not any(word in name for word in ("dense", "any", "beside", "compressed")))
    if is_sparse:
        assert isinstance(loaded, sp.csr_array)
    np.testing.assert_array_equal(loaded.toarray() if is_sparse else loaded, DENSE)


def test_a_hermitian_triangle_is_completed(tmp_path):
    A = np.array([[1.0, 2.0 + 1.0j], [2.0 - 1.0j, 3.0]])
    scipy.io.mmwrite(tmp_path / "h.mtx", sp.coo_array(A), symmetry="hermitian")
    np.testing.assert_array_equal(load_matrix(str(tmp_path / "h.mtx")).toarray(), A)


class _Bomb:
    """Leaves a mark on disk when it is unpickled."""

    def __init__(self, mark):
        self.mark = str(mark)

    def __reduce__(self):
        return os.mkdir, (self.mark,)


def _object_npy(path, bomb):
    np.save(path, np.array([bomb], dtype=object), allow_pickle=True)


def _object_npz(path, bomb):
    np.savez(path, A=np.array([bomb], dtype=object))


def _object_in_sparse_npz(path, bomb):
    np.savez(
        path,
        format=np.array(b"csr"),
        shape=np.array([1, 1]),
        data=np.array([bomb], dtype=object),
        indices=np.array([0]),
        indptr=np.array([0, 1]),
    )


def _bare_pickle(path, bomb):
    path.write_bytes(pickle.dumps(bomb))


@pytest.mark.parametrize(
    ("name", "write", "match"),
    [
        ("a.npy", _object_npy, "holds Python objects.*never read"),
        ("a.npz", _object_npz, "holds Python objects.*never read"),
        ("b.npz", _object_in_sparse_npz, "holds Python objects.*never read"),
        ("b.npy", _bare_pickle, "is no NumPy file.*pickle is never loaded"),
        ("c.npz", _bare_pickle, "is no NumPy file.*pickle is never loaded"),
    ],
)
def test_a_pickle_is_refused_and_never_run(tmp_path, name, write, match):
    mark, path = tmp_path / "was_run", tmp_path / name
    write(path, _Bomb(mark))

    with pytest.raises(OperatorError, match=match):
        load_matrix(path)

    assert not mark.exists()
    if write is _bare_pickle:  # the bomb is a live one
        pickle.loads(path.read_bytes())
        assert mark.exists()


def _bytes(content):
    return lambda path: path.write_bytes(content)


def _cut_short(name, keep):
    def write(path):
        whole = path.with_name("whole_" + name)
        with whole.open("wb") as file:
            WRITERS[name](whole if name.endswith("gz") else file)
        path.write_bytes(whole.read_bytes()[:keep])

    return write


def _wild_index(path):
    np.savez(
        path,
        format=np.array(b"csc"),
        shape=np.array([2, 2]),
        data=np.ones(1),
        indices=np.array([10**6]),
        indptr=np.array([0, 1, 1]),
    )


HEADER = b"%%MatrixMarket matrix coordinate real general\n"

BAD_FILES = [
    ("missing.npy", lambda path: None, "does not exist: check the path"),
    ("folder.npy", lambda path: path.mkdir(), "is a folder or a device: pass the path"),
    ("table.csv", _bytes(b"1,2"), r"no known format: .*\.mtx, \.mtx\.gz, .*Unpack an archive"),
    ("archive.tar.gz", _bytes(b"x"), "no known format"),
    ("empty.mtx", _bytes(b""), r"is empty \(0 bytes\)"),
    ("text.mtx", _bytes(b"hello\n"), r"cannot be read as \.mtx .*damaged, cut short"),
    ("few.mtx", _bytes(HEADER + b"2 2 2\n1 1 1.0\n"), r"cannot be read as \.mtx"),
    ("outside.mtx", _bytes(HEADER + b"2 2 1\n3 1 1.0\n"), r"cannot be read as \.mtx"),
    ("plain.mtx.gz", _bytes(HEADER + b"1 1 1\n1 1 1.0\n"), r"cannot be read as \.mtx\.gz"),
    ("symmetric.mtx.gz", _cut_short("symmetric.mtx.gz", 40), r"cannot be read as \.mtx\.gz"),
    ("dense.npy", _cut_short("dense.npy", 150), r"cannot be read as \.npy"),
    ("header.npy", _cut_short("dense.npy", 20), r"cannot be read as \.npy"),
    ("text.npy", _bytes(b"hello"), "is no NumPy file: it begins with b'hello'"),
    ("anyname.npz", _cut_short("anyname.npz", 200), r"cannot be read as \.npz"),
    ("two.npz", lambda path: np.savez(path, A=DENSE, b=DENSE), r"holds 2 arrays \(A, b\)"),
    ("none.npz", lambda path: np.savez(path), r"holds 0 arrays"),
    ("wild.npz", _wild_index, r"cannot be read as \.npz .*ind"),
    ("text.mat", _bytes(b"hello" * 100), r"cannot be read as \.mat"),
    ("dense.mat", _cut_short("dense.mat", 200), r"cannot be read as \.mat"),
    ("hdf5.mat", _bytes(b"\x89HDF\r\n\x1a\n" + bytes(600)), r"MATLAB 7\.3 .*'-v7'"),
    ("v73.mat", _bytes(b"M" * 512 + b"\x89HDF\r\n\x1a\n"), r"MATLAB 7\.3 .*'-v7'"),
    (
        "two.mat",
        lambda path: scipy.io.savemat(path, {"K": DENSE, "M": DENSE}),
        r"holds 2 matrices \(K, M\), and exactly one",
    ),
    ("words.mat", lambda path: scipy.io.savemat(path, {"t": "words"}), "holds no matrix"),
]


@pytest.mark.parametrize(("name", "write", "match"), BAD_FILES, ids=[row[0] for row in BAD_FILES])
def test_a_bad_file_gets_one_clear_error(tmp_path, name, write, match):
    write(tmp_path / name)
    with pytest.raises(OperatorError, match=match) as caught:
        load_matrix(tmp_path / name)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_claim_of_astronomic_size_is_an_error_and_no_crash(tmp_path):
    path = tmp_path / "huge.npy"
    with path.open("wb") as file:
        header = {"descr": "<f8", "fortran_order": False, "shape": (10**8, 10**8)}
        np.lib.format.write_array_header_1_0(file, header)
    with pytest.raises(OperatorError, match=r"does not fit in memory|cannot be read as \.npy"):
        load_matrix(path)
