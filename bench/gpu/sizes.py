"""How large the parts are: for a GPU, and for a dry run on a stand-in."""

from dataclasses import dataclass

__all__ = ["FULL", "TINY", "Sizes"]


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Sizes of all parts; together they take less than ten minutes on a GPU of a data centre."""

    shapes: tuple[tuple[int, int], ...]  # of the blocks whose bits are compared
    side: int  # of the grid whose steps are timed
    k: int
    repeats: int
    width: int  # of the network of Table 1
    trials: int
    num_steps: int
    burn_in: int
    table_seconds: float  # after which Table 1 stops short, and says so
    rows: int  # of the ring with five nonzeros a row
    offset: int  # of its farther neighbours
    budget: int  # products of a rank
    layer: int  # neurons of the model


FULL = Sizes(
    shapes=((1, 1), (255, 3), (257, 16), (70_001, 5), (4096, 100), (1_000_003, 16)),
    side=3163, k=16, repeats=30,
    width=256, trials=100, num_steps=15_000, burn_in=5000, table_seconds=240.0,
    rows=20_000_000, offset=4472, budget=2048, layer=1000,
)  # fmt: skip
TINY = Sizes(
    shapes=((1, 1), (300, 3)),
    side=17, k=3, repeats=1,
    width=4, trials=3, num_steps=12, burn_in=4, table_seconds=60.0,
    rows=400, offset=20, budget=256, layer=5,
)  # fmt: skip
