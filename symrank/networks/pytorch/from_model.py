"""The curvature of a module's loss over data."""

from collections.abc import Callable, Iterable
from typing import Any

from symrank.networks.pytorch.gauss_newton import GaussNewton
from symrank.networks.pytorch.hessian import TorchHessian
from symrank.networks.pytorch.model import ModelLoss
from symrank.networks.pytorch.operator import MEMORY, Settings
from symrank.networks.pytorch.passes import Ways
from symrank.networks.pytorch.shorter import gauss_newton as counted_shorter
from symrank.operators import Operator

__all__ = ["from_model"]


def from_model(
    model: Any,
    loss_fn: Callable[[Any, Any], Any],
    data: Iterable[Any],
    *,
    params: Iterable[str] | None = None,
    gauss_newton: bool = False,
    reduction: str | None = None,
    products: Ways | None = None,
    memory: int = MEMORY,
    noise: float | None = None,
) -> Operator:
    r"""Return the Hessian of a network's loss over data, or its Gauss-Newton matrix.

    The loss is :math:`L(\theta) = \sum_b w_b\, \ell(f_\theta(x_b), y_b) / W` over all batches
    (`reduction`). The model is copied, with its buffers and the modes of its modules, and never
    changed; nor does training on change the operator.

    Parameters
    ----------
    model
        A ``torch.nn.Module``. Parameters without a gradient are constants, and a tied one counts
        once. In train mode dropout is refused, and batch norm takes the statistics of each batch,
        as in training, so that the loss depends on how the data are cut into batches: the name of
        the operator says so. ``model.eval()`` switches both off.
    loss_fn
        A function of the outputs and the targets of a batch that returns a real scalar.
    data
        Pairs (inputs, targets), the same ones in every pass: a list, or a ``DataLoader`` with
        ``shuffle=False``. Inputs are a tensor, a list of arguments or a dict of named ones, and
        their first dimension is that of the samples. Tensors are moved to the device of the model.
    params
        Names of the parameters to differentiate by, as of ``model.named_parameters()``. Default:
        all that require a gradient, in that order.
    gauss_newton
        Leave out the curvature of the network: :math:`J^T \nabla^2 \ell\, J`, positive
        semidefinite for a loss that is convex in the outputs. Where there are fewer outputs, over
        all samples, than parameters it is counted on that shorter side.
    reduction
        "mean": the loss of a batch is a mean over its samples, :math:`w_b` their number and
        :math:`W = \sum_b w_b`. "sum": :math:`w_b = W = 1`. Default: found by asking for the loss of
        the first batch's samples twice. A mean with class weights or ignored targets divides by
        something else than the number of samples: `L` is as written here all the same.
    products, memory, noise
        As in `symrank.torch.hessian`.

    Returns
    -------
    Operator
        (n, n), n the number of parameters. Its vectors are the parameters in their order, each row
        by row.

    Raises
    ------
    OperatorError
        Where the loss is no real scalar, does not depend on the parameters or has no second
        derivative in PyTorch, or where the model cannot be copied.
    OptionError
        Where `data` is empty, can be read once only or gives no pairs, `params` names something
        else, or the reduction is neither.
    NotSymmetricError
        Where two passes differ: a ``DataLoader`` that shuffles, dropout.
    MissingBackendError
        Where PyTorch is not installed.

    See Also
    --------
    symrank.torch.hessian : of a function of parameters.

    Examples
    --------
    >>> import torch  # doctest: +SKIP
    >>> import symrank
    >>> model = torch.nn.Linear(3, 2, bias=False)  # doctest: +SKIP
    >>> data = [(torch.eye(3)[:2], torch.zeros(2, 2))]  # doctest: +SKIP
    >>> H = symrank.torch.from_model(model, torch.nn.MSELoss(), data)  # doctest: +SKIP
    >>> symrank.rank(H).rank  # doctest: +SKIP
    4
    """
    options = Settings(products, memory, noise)
    loss = ModelLoss(model, loss_fn, data, params, reduction)
    if gauss_newton:
        return counted_shorter(GaussNewton(loss, options))
    loss.name = f"Hessian of {loss.name}"
    return TorchHessian(loss, options, loss.name)
