"""Tables of losses and networks."""

from collections.abc import Iterable

from tables import Record, table

__all__ = ["draw_loss_langevin"]


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
