"""What the tutorial on networks prints: run where PyTorch is installed, else as it was recorded."""

import importlib.util
from pathlib import Path

from bench import record
from bench.networks import tutorial

SOURCE = f"bench/results/{tutorial.NAME}.json"


def write(folder: Path) -> None:
    """Write networks.md."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "networks.md").write_text("\n".join(lines()) + "\n")


def lines() -> list[str]:
    """Return the output as a block, and where it is from."""
    if importlib.util.find_spec("torch"):
        return block(tutorial.run().splitlines(), "Run when this page was built.")
    recorded = record.load(tutorial.NAME)
    if recorded is None:
        return ["*Not recorded yet: `python -m bench.networks.tutorial`.*"]
    version = recorded["versions"]["torch"]
    said = f"Recorded in `{SOURCE}` with PyTorch {version}: this page was built without it."
    return block(recorded["printed"], said)


def block(printed: list[str], said: str) -> list[str]:
    """Return text as it was printed, and a sentence."""
    return ["```text", *printed, "```", "", said]
