"""What a result of chains on a loss says of their energy over time."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from symrank.errors import OptionError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["EnergyCurve"]


class EnergyCurve:
    """Theorem 1's curve as a run on a loss has seen it."""

    if TYPE_CHECKING:  # fields of the result
        n: int
        rank: int
        estimate: float
        method: str
        diagnostics: Mapping[str, Any]

    def plot_curve(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the energy of chains on a loss over time, with window and running estimate.

        Theorem 1's curve, in units of a count; needs matplotlib.

        Raises
        ------
        OptionError
            Where the run was none of ``rank(problem, method="langevin")`` on a loss, or no chain
            was started.

        Examples
        --------
        >>> import symrank
        >>> from symrank import gallery
        >>> result = symrank.rank(gallery.linear_network(2, rng=0), "langevin", rng=0)
        >>> result.plot_curve().get_ylabel()
        'energy, in eigenvalues'
        """
        from symrank.answer import plots_of_chains

        evidence = self.diagnostics
        curve = evidence.get("curve")
        if curve is None:
            raise OptionError(
                f"this result of method={self.method!r} has no curve: symrank.rank(problem, "
                "method='langevin') on a loss with values and gradients draws one."
            )
        where = f"rank {self.rank}, n = {self.n}, noise_var = {evidence['noise_var']:.1g}"
        return plots_of_chains.draw_curve(
            curve, rank=self.estimate, trace=evidence["trace"], where=where, ax=ax
        )
