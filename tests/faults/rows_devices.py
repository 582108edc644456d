"""Rows: paths that are no files."""

from pathlib import Path

import pytest

from symrank.errors import OperatorError
from symrank.files import load_matrix
from tests.faults.row import Row


def folder(tmp: Path) -> None:
    (tmp / "A.mtx").mkdir()
    with pytest.raises(OperatorError, match="is a folder or a device"):
        load_matrix(tmp / "A.mtx")


def dangling_link(tmp: Path) -> None:
    (tmp / "A.mtx").symlink_to(tmp / "nothing.mtx")
    with pytest.raises(OperatorError, match="does not exist"):
        load_matrix(tmp / "A.mtx")


ROWS = [
    Row(group="devices", fault="a folder", door="load_matrix", check=folder),
    Row(group="devices", fault="a dangling link", door="load_matrix", check=dangling_link),
]
