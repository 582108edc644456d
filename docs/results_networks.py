"""Tables of losses and networks."""

from collections.abc import Iterable

from tables import Record, table

__all__ = ["draw_gradients", "draw_loss_langevin", "draw_products", "draw_spectra"]

NETWORKS = {"dncnn": "DnCNN, 753 parameters", "mlp": "perceptron, 98 880 parameters"}
OWN = ("ms_per_column", "ms_gradient")

SHOWN, ABSOLUTE = slice(0, 4), slice(3, None)  # cuts along training that fit into a table


def draw_loss_langevin(record: Record) -> Iterable[str]:
    """How far Algorithm 1 on a loss is off, and how often its interval holds."""
    yield from table(
        ("minimum", "d", "RMS error, % of the rank", "intervals that hold", "median width, %",
         "gradients at most"),
        [
            (
                row["minimum"],
                row["d"],
                f"{row['rms_percent']:.2f}",
                f"{row['covers']} of {row['runs']}",
                f"{row['width_percent']:.1f}",
                row["gradients_at_most"],
            )
            for row in record["summary"]
        ],
    )  # fmt: skip


def draw_gradients(record: Record) -> Iterable[str]:
    """Algorithm 1 on a loss beside Lanczos on its Hessian: who reaches the precision, and when."""
    methods = ("langevin", "lanczos")
    heads = ("products", "s", "width, %", "met", "holds")
    yield from table(
        ("minimum", "d", "precision, % of the rank",
         *(f"{method}: {head}" for method in methods for head in heads), "time over lanczos"),
        [
            (
                *(row["minimum"], row["d"], f"{100.0 * row['share']:g}"),
                *(cell for method in methods for cell in _reached(row[method], row["seeds"])),
                f"{row['ratio']:.2f}",
            )
            for row in record["rows"]
        ],
    )  # fmt: skip


def _reached(found: Record, seeds: int) -> tuple[str, ...]:
    return (
        f"{found['products']:.0f}",
        f"{found['seconds']:.2f}",
        f"{found['width_percent']:.1f}",
        f"{found['met']} of {seeds}",
        f"{found['holds']} of {seeds}",
    )


def draw_products(record: Record) -> Iterable[str]:
    """A block product in milliseconds a column, beside every other way that was at hand."""
    ways = [key[3:] for key in record["rows"][0] if key.startswith("ms ")]
    yield from table(
        ("network", "symrank", "a gradient", *ways, *(f"over {way}" for way in ways), "bar 1.1"),
        [
            (
                NETWORKS[row["network"]],
                *(f"{row[key]:.2f}" for key in OWN),
                *(f"{row[f'ms {way}']:.2f}" for way in ways),
                *(f"{row[f'ratio {way}']:.2f}" for way in ways),
                "met" if row["met"] else f"missed: {row['over_best']:.2f}",
            )
            for row in record["rows"]
        ],
    )
    if record["note"]:
        yield from ("", record["note"])


def draw_spectra(record: Record) -> Iterable[str]:
    """Two trained networks: one row a matrix, the largest eigenvalues, signs, ridges, training."""
    options, rtol = record["options"], record["rtol"]
    yield (
        f"{options['fixed_images']} images and {options['fixed_windows']} windows of text, "
        f"the same at every point; the networks learnt from {options['images']} images and "
        f"{options['characters']} characters. Milliseconds are CPU time of one thread. Ranks count "
        f"|lambda| > {rtol:g} |A|. Intervals: {record['confidence']:.0%}."
    )
    yield ""
    yield from table(
        ("network", "matrix", "precision", "ms a column", "ms a gradient", "noise", "largest",
         "smallest", "trace", "rank", "interval", "probes x steps"),
        [
            (
                *(row["network"], row["matrix"], row["dtype"]),
                f"{row['ms_per_column']:.1f}",
                f"{row['ms_gradient']:.1f}",
                f"{row['noise']:.1e}",
                *(f"{row[key]:.4g}" for key in ("most", "least")),
                f"{row['trace_estimate']:.4g} in {_ends(row, 'trace_low', 'trace_high')}",
                f"{row['rank']:.0f}",
                _ends(row),
                f"{row['probes']} x {row['steps']}",
            )
            for row in record["matrices"]
        ],
    )  # fmt: skip
    yield from ("", "Along training, the Hessian in double precision:", "")
    yield from table(
        ("network", "epoch", "loss of the samples", "right on unseen ones, %",
         "largest modulus", *(f"beyond {cut:.2g} of it" for cut in record["relative"][SHOWN]),
         *(f"beyond {cut:g}" for cut in record["absolute"][ABSOLUTE])),
        [
            (
                *(row["network"], row["epoch"], f"{row['loss']:.3g}"),
                f"{100 * row['test_right']:.1f}",
                f"{row['norm']:.3g}",
                *(f"{e:.0f} in [{low:.0f}, {high:.0f}]"
                  for e, low, high in (*row["relative"][SHOWN], *row["absolute"][ABSOLUTE])),
            )
            for row in record["along"]
        ],
    )  # fmt: skip
    yield from ("", "Signs of the Hessian, one `symrank.count` with edges in units of |A|:", "")
    yield from table(
        ("network", "from", "to", "eigenvalues in (from, to]"),
        [(r["network"], r["left"], r["right"], _ends(r)) for r in record["signs"]],
    )
    yield from ("", "The largest eigenvalues of the Hessian:", "")
    yield from table(
        ("network", "order", "by its order, in", "an eigenvalue is in"),
        [
            (r["network"], r["order"], _ends(r),
             "" if r["left"] is None else f"{r['left']:.8g} .. {r['right']:.8g}")
            for r in record["largest"]
            if r["matrix"] == "hessian" and r["dtype"] == "float64"
        ],
    )  # fmt: skip
    yield from ("", "Effective dimension (of the positive part of the Hessian):", "")
    yield from table(
        ("network", "matrix", "ridge / largest", "double precision", "single precision"),
        list(_dimensions(record)),
    )
    for truth in record["truth"]:
        yield ""
        yield (
            f"All {truth['outputs']} non-trivial eigenvalues of the Gauss-Newton matrix of "
            f"{truth['network']} are known: the band of the sampled run holds the exact count at "
            f"{truth['held']} of {truth['cuts']} cuts; exact rank {truth['rank']}, trace "
            f"{truth['trace']:.4g}."
        )


def _ends(row: Record, low: str = "low", high: str = "high") -> str:
    return f"[{row[low]:.5g}, {row[high]:.5g}]"


def _dimensions(record: Record) -> Iterable[tuple[str, ...]]:
    """Double and single precision side by side."""
    keys = ("network", "matrix", "ridge")
    single = {tuple(r[k] for k in keys): r for r in record["dimensions"] if r["dtype"] == "float32"}

    def shown(row: Record) -> str:
        if row["estimate"] is None:
            return "refused: below the noise"
        return f"{row['estimate']:.4g} in {_ends(row)}"

    for row in record["dimensions"]:
        if row["dtype"] == "float64":
            other = single[tuple(row[k] for k in keys)]
            ridge = f"{row['ridge']:.2g}"
            yield row["network"], row["matrix"], ridge, shown(row), shown(other)
