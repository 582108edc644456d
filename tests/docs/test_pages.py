"""Every Python block of the tutorials, how-tos and README runs, top to bottom."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [
        *ROOT.glob("docs/tutorials/*.md"),
        *ROOT.glob("docs/how-to/*.md"),
        ROOT / "README.md",
    ]
)


WITH_TORCH = {"docs/tutorials/networks.md", "docs/how-to/rank-along-training.md"}


@pytest.mark.parametrize(
    "page",
    [pytest.param(p, marks=[pytest.mark.torch] if p in WITH_TORCH else []) for p in PAGES],
)
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_blocks_run(page, tmp_path, monkeypatch):
    if page in WITH_TORCH:
        pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), re.M | re.S)
    assert blocks, "a tutorial shows code"
    namespace = {"__name__": "page"}
    for block in blocks:
        exec(compile(block, page, "exec"), namespace)
