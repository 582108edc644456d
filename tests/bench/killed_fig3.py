"""Figure 3 in processes of its own, to be killed: ``python -m tests.bench.killed_fig3``.

Reads lines, a folder and perhaps seconds, and for each forks a process that makes the figure there,
and kills it after so many; writes how it ended. So the libraries are loaded once.

The program of the figure as it is, but with small images, few and rough settings of its chains, and
without what is counted in a moment and anew. Its networks are hardly trained: a bowl is added to
their losses, so that chains stay and run some rounds. Every finished task of a chain is a line of
FOLDER/log, which is written at once.
"""

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.paper import dncnn, fig3
from tests.run.killed import logged

LEFT_OUT = ("ladder", "levels", "ubaru_saad", "literal_parameters", "automatic", "questions",
            "staircase")  # fmt: skip
STEEP = 2.0  # times the most negative eigenvalue


class Point(fig3.Point):
    """A network whose loss has c |theta - theta0|^2 / 2 added."""

    def __init__(self, trained: Any, statistics: tuple[str, ...]) -> None:
        super().__init__(trained, statistics)
        self.steep = {kind: STEEP * max(-float(lam[-1]), 0.0) for kind, lam in self.lam.items()}
        for kind, c in self.steep.items():
            self.hessians[kind] = self.hessians[kind] + c * np.eye(len(self.lam[kind]))
            self.lam[kind] = self.lam[kind] + c

    def problem(self, kind: str) -> Any:
        """Return the loss for chains."""
        problem, c = super().problem(kind), self.steep[kind]
        inner, center = problem.loss_and_grad, problem.theta0[:, None]

        def loss_and_grad(Theta: Any) -> Any:
            losses, grads = inner(Theta)
            away = Theta - center
            return losses + 0.5 * c * (away**2).sum(axis=0), grads + c * away

        problem.loss_and_grad = loss_and_grad
        return problem


def images(folder: str) -> torch.Tensor:
    return torch.rand(40, 1, 6, 6, generator=torch.Generator().manual_seed(771))


def left_out(point: Any) -> list[Any]:
    return []


def figure(folder: Path) -> None:
    """Make the figure, or go on with it."""
    logged(folder / "log")
    paths = [("points", "points"), ("kept", "kept"), ("save", "fig3")]
    options = [word for name, file in paths for word in (f"--{name}", str(folder / file))]
    sys.argv = ["fig3", "nowhere", "--quick", "--images", "3", "--twin-images", "3", *options]
    with open(os.devnull, "w") as nothing:
        sys.stdout = nothing
        fig3.main()


def main() -> None:
    dncnn.images = images
    fig3.Point = Point
    fig3.NOISES = (1e-7,)
    fig3.SHORT = fig3.SHORT._replace(num_steps=20, burn_in=8, precision=0.04)
    fig3.bars = left_out
    for name in LEFT_OUT:
        setattr(fig3, name, left_out)
    for line in sys.stdin:
        folder, seconds = line.rstrip("\n").split("\t")
        child = os.fork()
        if not child:
            figure(Path(folder))
            os._exit(0)
        if seconds:
            time.sleep(float(seconds))
            os.kill(child, signal.SIGKILL)  # one that has ended is there until it is waited for
        os.write(1, f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n".encode())


if __name__ == "__main__":
    main()
