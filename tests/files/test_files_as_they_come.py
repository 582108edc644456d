"""Mutated files keep the law, and the second reader agrees on good ones."""

import numpy as np
import pytest
import scipy.io
import scipy.sparse as sp

from symrank.files import load_matrix
from tests.files import law, plain_reader
from tests.files.mutations import mutant
from tests.files.seeds import SEEDS, matrices

SAMPLE = 250


@pytest.mark.parametrize("k", range(SAMPLE))
def test_a_mutated_file_is_read_right_or_refused(tmp_path, k):
    name, raw, kinds = mutant(k)
    (tmp_path / name).write_bytes(raw)
    verdict, why = law.outcome(tmp_path / name)
    assert verdict not in (law.WRONG, law.TRACEBACK), f"{kinds}: {why}"


def test_good_files_are_read_as_the_second_reader_reads_them(tmp_path):
    for name, raw in SEEDS:
        (tmp_path / name).write_bytes(raw)
        assert law.outcome(tmp_path / name)[0] == law.ANSWER, name


def test_the_second_reader_tells_what_was_written():
    for name, raw in SEEDS:
        M = matrices()[name.split(".")[0]]
        plain = plain_reader.read(name, raw)
        assert plain.shape == M.shape
        want = (M != 0.0) if ".pattern." in name else M
        have = np.zeros(M.shape, dtype=complex)
        for place, values in plain.entries.items():
            have[place] += sum(values)
        np.testing.assert_allclose(have, want, rtol=1e-15, atol=0.0, err_msg=name)


def test_the_law_sees_a_wrong_number(tmp_path):
    path = tmp_path / "A.npy"
    np.save(path, np.eye(3))
    truth = plain_reader.read("A.npy", path.read_bytes())
    assert law._difference(np.eye(3), truth) == ""
    assert "0.0 instead of 1.0 at (0, 0)" in law._difference(np.diag([0.0, 1.0, 1.0]), truth)
    assert "damaged" in law._difference(np.eye(3), plain_reader.DamagedError("cut"))


@pytest.mark.parametrize("dtype", ["f8", "f4", "i8", "u1", "i2", "c16"])
@pytest.mark.parametrize("is_packed", [False, True], ids=["plain", "packed"])
@pytest.mark.parametrize("is_sparse", [False, True], ids=["full", "sparse"])
def test_matlab_files_are_read_as_scipy_reads_them(tmp_path, dtype, is_packed, is_sparse):
    rng = np.random.default_rng(5)
    A = np.where(rng.random((7, 4)) < 0.5, rng.integers(0, 99, (7, 4)), 0).astype(dtype)
    path = tmp_path / "A.mat"
    value = sp.csc_matrix(A.astype(complex if dtype == "c16" else float)) if is_sparse else A
    scipy.io.savemat(path, {"A": value}, do_compression=is_packed)

    mine, other = load_matrix(path), scipy.io.loadmat(path)["A"]

    assert mine.dtype == other.dtype
    other = other.toarray() if is_sparse else other
    np.testing.assert_array_equal(mine.toarray() if is_sparse else mine, other)
    assert is_sparse or mine.flags.writeable
