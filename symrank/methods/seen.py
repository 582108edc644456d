"""What sampling has shown of a spectrum: what an offer of an exact count is made on."""

from dataclasses import dataclass

__all__ = ["Seen"]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What rounds of sampling have shown of a spectrum, for an offer to be made on.

    Attributes
    ----------
    low, high
        The interval of the count.
    likely
        The estimate.
    is_met
        Whether it is narrow enough.
    is_resolved
        Whether more steps would add little to what the probes say.
    solve_length
        What steps of a solve grow with, sqrt(kappa) or kappa by the gap next to zero, or infinite.
    seconds
        What sampling is predicted to have taken.
    whole
        Products that it is likely to have taken at its end.
    """

    low: int
    high: int
    likely: float
    is_met: bool
    is_resolved: bool
    solve_length: float
    seconds: float
    whole: int = 0
