"""Figure 3 of the paper: the Hessian of a DnCNN on MNIST, and every estimate of its rank.

    python -m bench.paper.fig3 FOLDER [--images 32] [--points FILE] [--kept FOLDER] [--quick]

FOLDER holds mnist.npz. The network is trained (`bench.paper.dncnn`), its Hessian is computed
exactly by symrank.torch, with batch statistics and with frozen ones, and stands for itself from
then on. Beside the printed pairs (133 with 98.5 % of the trace, Ubaru and Saad 34 with 88 %):

- the ladder: what Algorithm 1 gives in closed form for each scale of G at the printed eta and K;
- the question that each of them answers, asked of `rank` with rtol;
- Algorithm 1 on the true loss, at a stable step, for a scan of sigma^2, on the paper's network and
  on a smooth twin (SiLU): held to the closed form at the same eta, K and window.

Parts are saved as they are done, and a rerun goes on; --fresh starts anew. --points keeps the
trained networks, and --kept the chains of a part that was killed in its middle.
"""

import argparse
import functools
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("NUMBA_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

import symrank
from bench import record
from bench.paper import closed_forms, dncnn
from bench.paper.chains_on_loss import Setting, closed_form, literal, run
from symrank import Preconditioner, UbaruSaad, gallery
from symrank.errors import SymrankError

SEED = 0
PAPER = {"langevin": (133, 98.5), "ubaru_saad": (34, 88.0)}  # printed: rank, % of the trace
NEGATIVE = 1e-9  # of lambda_max: below minus that an eigenvalue counts as negative
LEVELS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)  # rtol of rank()
NOISES = (1e-2, 1e-3, 1e-5, 1e-7)  # sigma^2 scanned
TWIN_NOISE = (1e-7,)  # 1e-5, as printed, moves the count of a smooth loss by parts of a per cent
PRODUCTS = 3000  # of rank() and count(): four times the order
POINTS = 60  # of the band of the staircase
STATISTICS = ("batch", "frozen")
SCAN = Setting(num_steps=60, burn_in=30, num_chains=4, precision=0.01)
TWIN = Setting(num_steps=20, burn_in=10, num_chains=1000, precision=0.01)
SHORT = Setting(num_steps=40, burn_in=20, num_chains=4, precision=0.01)


class Point:
    """A trained network with its Hessians, and the eigenvalues in descending order."""

    def __init__(self, trained: dncnn.Trained, statistics: tuple[str, ...]) -> None:
        self.trained = trained
        self.models = {kind: dncnn.with_statistics(trained, kind) for kind in statistics}
        self.hessians = {
            kind: dncnn.dense(dncnn.operator(model, trained)) for kind, model in self.models.items()
        }
        self.lam = {kind: np.linalg.eigvalsh(H)[::-1] for kind, H in self.hessians.items()}

    def problem(self, kind: str) -> dncnn.Problem:
        """Return the loss for chains."""
        return dncnn.Problem(self.models[kind], self.trained, self.hessians[kind])


def spectra(network: str, point: Point) -> list[dict[str, Any]]:
    """Return all eigenvalues, and what the paper reads off them."""
    rows = []
    for kind, lam in point.lam.items():
        problem = point.problem(kind)
        loss, grad = problem.loss_and_grad(problem.theta0[:, None])
        captured = np.cumsum(lam) / lam.sum()
        rows.append({
            "network": network,
            "statistics": kind,
            "images": len(point.trained.clean),
            "loss": float(loss[0]),
            "gradient": float(np.linalg.norm(grad)),
            "lambda_max": float(lam[0]),
            "lambda_min": float(lam[-1]),
            "negative": int((lam < -NEGATIVE * lam[0]).sum()),
            "above_1e-3": int((lam > 1e-3 * lam[0]).sum()),
            "above_1e-6": int((lam > 1e-6 * lam[0]).sum()),
            "trace": float(lam.sum()),
            "share_34": float(captured[33]),
            "share_133": float(captured[132]),
            "for_88": int(np.argmax(captured >= 0.88)) + 1,
            "for_98.5": int(np.argmax(captured >= 0.985)) + 1,
            "eigenvalues": lam.tolist(),
        })  # fmt: skip
    return rows


def ladder(point: Point) -> list[dict[str, Any]]:
    """Return the closed forms of every scale of G."""
    rows = []
    for kind, H in point.hessians.items():
        for row in closed_forms.ladder(H, point.trained.second):
            captured = {}
            if row["estimate"] is not None:
                captured = {"share": closed_forms.share(point.lam[kind], row["of_positive"])}
            rows.append({"statistics": kind, **row, **captured})
    return rows


def questions(point: Point) -> list[dict[str, Any]]:
    """Return for the stable rungs the cut that they amount to, and what `rank` says there."""
    rows = []
    first, window = closed_forms.FIRST, closed_forms.WINDOW
    for kind, H in point.hessians.items():
        for row in closed_forms.ladder(H, point.trained.second):
            if row["unstable"]:
                continue
            g = closed_forms.scalings(point.trained.second)[row["G"]]
            root = np.sqrt(g)
            A = root[:, None] * H * root
            lam = np.linalg.eigvalsh(A)
            cut = closed_forms.equivalent_cut(closed_forms.ETA, first, window)
            found = symrank.count(A, cut, np.inf, "lanczos", max_matvecs=PRODUCTS, rng=SEED)
            low, high = found.interval()
            rows.append({
                "statistics": kind,
                "G": row["G"],
                "of_positive": row["of_positive"],
                "rtol": float(cut / lam[-1]),
                "exact": int((lam > cut).sum()),
                "count": found.estimate, "low": low, "high": high,
                "products": found.num_matvecs,
            })  # fmt: skip
    return rows


def levels(point: Point) -> list[dict[str, Any]]:
    """Return `rank` with rtol at several levels, and the share of the trace above each."""
    rows = []
    for kind, lam in point.lam.items():
        for rtol in LEVELS:
            found = symrank.rank(
                point.hessians[kind], "lanczos", rtol=rtol, max_matvecs=PRODUCTS, rng=SEED
            )
            low, high = found.interval()
            exact = int((np.abs(lam) > rtol * lam[0]).sum())
            rows.append({
                "statistics": kind, "rtol": rtol, "exact": exact,
                "estimate": found.estimate, "low": low, "high": high,
                "share": closed_forms.share(lam, int((lam > rtol * lam[0]).sum())),
                "products": found.num_matvecs, "status": found.status.name,
            })  # fmt: skip
    return rows


def staircase(point: Point) -> dict[str, Any]:
    """Return the band of the signed staircase of one run, beside the exact one."""
    found = {}
    for kind, lam in point.lam.items():
        size = np.geomspace(1e-6, 1.0, POINTS // 2) * lam[0]
        x = np.concatenate([-size[::-1], size])
        x = x[x > 2.0 * lam[-1]]
        run_ = symrank.rank(point.hessians[kind], "lanczos", max_matvecs=PRODUCTS, rng=SEED)
        band = run_.cdf(x, simultaneous=True)
        exact = (lam[None, :] <= x[:, None]).sum(axis=1)
        found[kind] = {
            "x": x.tolist(), "exact": exact.tolist(),
            "low": band.low.tolist(), "high": band.high.tolist(),
            "holds": bool(((band.low <= exact) & (exact <= band.high)).all()),
            "products": run_.num_matvecs,
        }  # fmt: skip
    return found


def ubaru_saad(point: Point) -> list[dict[str, Any]]:
    """Return both variants; the published one on the positive part, as it refuses the whole."""
    rows = []
    for kind, lam in point.lam.items():
        whole = gallery.diagonal(lam)
        positive = gallery.diagonal(np.maximum(lam, 0.0))
        for name, A, variant, options in (
            ("published", whole, "published", {}),
            ("published, positive part", positive, "published", {}),
            ("published, positive part, times 100", 100.0 * positive, "published", {}),
            ("repaired", whole, "repaired", {}),
            ("repaired, rtol 1e-3", whole, "repaired", {"rtol": 1e-3}),
        ):
            row: dict[str, Any] = {"statistics": kind, "way": name}
            try:
                found = symrank.rank(
                    A, UbaruSaad(variant=variant), rng=SEED, check=False, **options
                )
            except SymrankError as error:
                rows.append({**row, "said": str(error)})
                continue
            low, high = found.interval()
            share = closed_forms.share(lam, found.estimate)
            rows.append({
                **row, "estimate": found.estimate, "low": low, "high": high, "share": share,
                "threshold": found.threshold, "status": found.status.name,
                "products": found.num_matvecs,
            })  # fmt: skip
    return rows


def literal_parameters(point: Point) -> list[dict[str, Any]]:
    """Return what the printed parameters do on the true loss, and what `rank` says of them."""
    rows = []
    scaled = closed_forms.scalings(point.trained.second)
    for kind in point.hessians:
        for name in ("I", "Adam, as it is"):
            rows.append(
                {"statistics": kind, "G": name, **literal(point.problem(kind), scaled[name])}
            )
    return rows


def automatic(point: Point) -> list[dict[str, Any]]:
    """Return what `rank(problem, "langevin")` says where nothing else is given."""
    rows = []
    clamped = closed_forms.scalings(point.trained.second)["clamped, as it is"]
    for kind in point.hessians:
        for name, G in (("I", None), ("clamped", Preconditioner.diagonal(clamped))):
            row = {"statistics": kind, "G": name}
            try:
                found = symrank.rank(
                    point.problem(kind), "langevin", preconditioner=G, max_matvecs=2000, rng=SEED
                )
                rows.append({**row, "estimate": found.estimate, "status": found.status.name})
            except SymrankError as error:
                rows.append({**row, "status": type(error).__name__, "said": str(error)})
    return rows


def scan(
    point: Point,
    setting: Setting,
    noises: tuple[float, ...],
    scales: tuple[str, ...] = ("clamped",),
    kept: Path | None = None,
) -> list[dict[str, Any]]:
    """Return Algorithm 1 on the true loss at each sigma^2, beside its closed form."""
    rows = []
    clamped = closed_forms.scalings(point.trained.second)["clamped, as it is"]
    settings = [(kind, "I", np.ones_like(clamped)) for kind in point.hessians]
    settings += [("batch", name, clamped) for name in scales]
    for kind, name, g in settings:
        lam = closed_forms.preconditioned(point.hessians[kind], g)
        wanted = closed_form(lam, setting)
        problem, G = point.problem(kind), Preconditioner.diagonal(g)
        for noise_var in noises:
            folder = None if kept is None else kept / f"{kind}-{name}-{noise_var:g}"
            row = run(problem, G, lam[0], setting, noise_var, SEED, folder)
            rows.append({"statistics": kind, "G": name, **wanted, **row})
            print(rows[-1], flush=True)
    return rows


def bars(figures: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Return what is to be held: the twin's interval and its width, and no silent error."""
    runs = figures["scan"] + figures["twin_scan"]
    seen = [row for row in runs if row["estimate"] is not None]
    off = [row for row in seen if not row["low"] <= row["closed_form"] <= row["high"]]
    unsaid = [row for row in off if row["status"] not in ("NOT_SMOOTH", "NOT_QUADRATIC")]
    best = figures["twin"][0]
    is_met = best["estimate"] is not None and best["low"] <= best["closed_form"] <= best["high"]
    width = 100.0 * (best["high"] - best["low"]) / best["closed_form"] if is_met else 100.0
    return {
        "runs_off_by_more_than_their_interval_that_do_not_say_so": {
            "figure": len(unsaid), "at_most": 0,
        },
        "twin_meets_the_closed_form": {"figure": int(is_met), "at_least": 1},
        "width_of_its_interval_in_percent": {"figure": width, "at_most": 2.0},
    }  # fmt: skip


def trained(args: argparse.Namespace, activation: str, count: int) -> Point:
    """Train, or take what an earlier run has kept."""
    kept = Path(args.points + f".{activation}.pt") if args.points else None
    if kept is not None and kept.exists():
        point: Point = torch.load(kept, weights_only=False)
        return point
    started = time.perf_counter()
    clean = dncnn.images(args.folder)
    steps = 100 if args.quick else dncnn.SGD_STEPS
    kinds = STATISTICS if activation == "relu" else STATISTICS[:1]
    point = Point(dncnn.train(clean, activation, count, SEED, steps), kinds)
    print(f"{activation}: {time.perf_counter() - started:.0f} s to train and differentiate")
    if kept is not None:
        draft = kept.with_suffix(".tmp")  # a run that is killed here leaves no half of a file
        torch.save(point, draft)
        draft.replace(kept)
    return point


def _under(folder: str, name: str) -> Path | None:
    """Return the folder in which the chains of a part are kept."""
    return Path(folder) / name if folder else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="with mnist.npz")
    parser.add_argument("--images", type=int, default=32, help="of the fixed noisy set")
    parser.add_argument("--twin-images", type=int, default=8, help="the same for the SiLU twin")
    parser.add_argument("--points", default="", help="keep the trained networks there")
    parser.add_argument("--kept", default="", help="keep the finished tasks of the chains there")
    parser.add_argument("--quick", action="store_true", help="hardly trained, few chains")
    parser.add_argument("--fresh", action="store_true", help="start anew")
    args = record.arguments(parser, "paper/fig3")
    torch.set_num_threads(1)
    old = None if args.fresh else record.load(args.save)
    figures: dict[str, Any] = {"options": vars(args), "paper": PAPER}
    relu = functools.cache(lambda: trained(args, "relu", args.images))
    silu = functools.cache(lambda: trained(args, "silu", args.twin_images))
    kept = functools.partial(_under, args.kept)
    chains, many = (SHORT, SHORT) if args.quick else (SCAN, TWIN)
    parts: dict[str, Callable[[], Any]] = {
        "twin_scan": lambda: scan(silu(), chains, NOISES, kept=kept("twin_scan")),
        "twin": lambda: scan(silu(), many, TWIN_NOISE, scales=(), kept=kept("twin")),
        "spectra": lambda: spectra("ReLU", relu()) + spectra("SiLU", silu()),
        "ladder": lambda: ladder(relu()),
        "levels": lambda: levels(relu()),
        "ubaru_saad": lambda: ubaru_saad(relu()),
        "literal": lambda: literal_parameters(relu()),
        "automatic": lambda: automatic(relu()),
        "questions": lambda: questions(relu()),
        "staircase": lambda: staircase(relu()),
        "scan": lambda: scan(relu(), chains, NOISES, kept=kept("scan")),
    }
    for name, work in parts.items():
        started = time.perf_counter()
        figures[name] = old[name] if old and name in old else work()
        if name == "scan":
            figures["bars"] = bars(figures)
        path = record.save(args.save, figures, libraries=("torch", "matplotlib"))
        print(f"{name}: {time.perf_counter() - started:.0f} s", flush=True)
    print(path)


if __name__ == "__main__":
    main()
