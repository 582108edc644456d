"""What do the blocks of the tutorial on networks print?

    python -m bench.networks.tutorial

The page shows it where it is built without PyTorch.
"""

import argparse
import contextlib
import io
import re
import warnings

from bench import record

PAGE = record.ROOT / "docs" / "tutorials" / "networks.md"
NAME = "networks/tutorial"


def blocks() -> list[str]:
    """Return the Python blocks of the page."""
    return re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def run() -> str:
    """Run them, top to bottom, and return what they print."""
    out = io.StringIO()
    namespace = {"__name__": "page"}
    with contextlib.redirect_stdout(out), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for block in blocks():
            exec(compile(block, PAGE.name, "exec"), namespace)
    return out.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args = record.arguments(parser, NAME)
    printed = run()
    print(printed, end="")
    record.save(args.save, {"printed": printed.splitlines()}, libraries=("torch",))


if __name__ == "__main__":
    main()
