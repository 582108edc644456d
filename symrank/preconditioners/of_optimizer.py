"""`Preconditioner.from_optimizer`: the diagonal that Adam divides by, out of its state."""

from typing import Any, Self

import numpy as np

from symrank.preconditioners import optimizers
from symrank.support.options import check_number
from symrank.support.typing import FloatArray

__all__ = ["OfOptimizer"]


class OfOptimizer:
    """What makes a `Preconditioner` of an optimiser; it is a part of that class."""

    @classmethod
    def _from_root(cls, root: FloatArray, name: str) -> Self:
        raise NotImplementedError

    @classmethod
    def from_optimizer(
        cls,
        optimizer: Any,
        params: Any,
        *,
        beta2: float | None = None,
        eps: float | None = None,
        clamp: float | None = None,
    ) -> Self:
        """Precondition as an optimiser of the Adam kind does at its present step.

        G = diag(1 / (sqrt(v_hat) + eps)) as in `adam`, with the second moments out of the state
        of the optimiser and their bias corrected. No library is imported for it.

        Parameters
        ----------
        optimizer
            A ``torch.optim.Adam`` or ``AdamW``, or the state of ``optax.adam`` or ``adamw``, alone
            or within a chain.
        params
            The parameters in the order of theta0: for PyTorch the tensors themselves, a mapping
            of names to them, or ``model.parameters()``; for Optax the pytree.
        beta2, eps
            Of Adam; only Optax needs them, which keeps them to itself.
        clamp
            Largest entry of G, in medians of them: a gradient that was always zero would else
            have 1 / eps. Default: no limit.

        Raises
        ------
        OptionError
            Where the optimiser has no second moments of a parameter, or the shapes do not fit.

        Examples
        --------
        >>> import numpy as np
        >>> from types import SimpleNamespace
        >>> from symrank import Preconditioner
        >>> state = SimpleNamespace(count=1, nu={"w": np.array([0.001, 0.016])})
        >>> params = {"w": np.zeros(2)}
        >>> G = Preconditioner.from_optimizer(state, params, beta2=0.999, eps=1e-12)
        >>> (G.root ** 2).round(6)
        array([1.  , 0.25])
        """
        found = optimizers.moments(optimizer, params, beta2, eps)
        g = 1.0 / (np.sqrt(found.second) + found.eps)
        if clamp is not None:
            rule = "is the largest entry of G in medians: at least 1."
            clamp = check_number("clamp", clamp, lambda x: 1.0 <= x < np.inf, rule)
            g = np.minimum(g, clamp * np.median(g))
        return cls._from_root(np.sqrt(g), "adam")
