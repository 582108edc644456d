"""What a file may take: memory that is free, and a multiple of its size."""

import subprocess
import sys

import numpy as np
import pytest

from symrank.errors import OperatorError
from symrank.files import limits
from symrank.files.limits import Allowance, free_bytes


@pytest.fixture
def allowance(tmp_path):
    (tmp_path / "A.npz").write_bytes(bytes(2**21))
    return Allowance(tmp_path / "A.npz")


def test_what_is_free_lies_between_nothing_and_the_machine():
    assert 2**20 < free_bytes() < 2**60


def test_a_packed_file_may_take_256_times_its_size(allowance):
    allowance.weigh_unpacked(2**28, "a matrix")
    allowance.weigh_unpacked(2**28, "another one")
    with pytest.raises(OperatorError, match=r"has 2097152 bytes and unpacks to a third.*512 MiB"):
        allowance.weigh_unpacked(1, "a third")


def test_what_is_free_may_be_taken(allowance, monkeypatch):
    monkeypatch.setattr(limits, "free_bytes", lambda: 1000.0)
    allowance.weigh(1000, "a matrix")
    with pytest.raises(OperatorError, match="a matrix, which does not fit in memory"):
        allowance.weigh(1001, "a matrix")


def test_a_limit_of_the_process_is_known():
    code = (
        "import resource; from symrank.files.limits import free_bytes\n"
        "resource.setrlimit(resource.RLIMIT_AS, (2**33, 2**33))\n"
        "assert free_bytes() < 2**33"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_limit_of_the_container_is_known(tmp_path, monkeypatch, version):
    names = {
        "v2": ("memory.max", "memory.current", "memory.stat"),
        "v1": (
            "memory/memory.limit_in_bytes",
            "memory/memory.usage_in_bytes",
            "memory/memory.stat",
        ),
    }[version]
    monkeypatch.setattr(limits, "CGROUP", tmp_path)
    assert limits._free_in_group() == np.inf
    (tmp_path / "memory").mkdir()
    for name, text in zip(
        names, ("1000\n", "700\n", "active_file 9\ninactive_file 50\n"), strict=True
    ):
        (tmp_path / name).write_text(text)
    assert limits._free_in_group() == 350.0
    (tmp_path / names[0]).write_text("max\n")
    assert limits._free_in_group() == np.inf
