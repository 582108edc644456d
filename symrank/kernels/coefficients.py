"""What a Langevin kernel needs to know of a scheme: the numbers of one step."""

from typing import NamedTuple

__all__ = ["Coefficients"]


class Coefficients(NamedTuple):
    """The numbers of one step; `symrank.spectrum.filters` has the schemes."""

    step: float  # eta, or h
    noise: float  # standard deviation of a step's noise
    energy_correction: float = 0.0  # of first order: b of the energy <g, 2 theta - b g>
    decay: float = 0.0  # kinetic: c, what a step keeps of v
    averaged: bool = False  # (n_k + n_(k+1)) / 2 instead of n_k
