"""Named problems whose spectrum and rank are known: for tests, documents, benchmarks and users."""

from symrank.gallery.problems import (
    SPECTRA,
    LinearNetwork,
    dense,
    diagonal,
    grid_laplacian,
    haar,
    laplacian_rank,
    linear_network,
    spiked_covariance,
)

__all__ = [
    "SPECTRA",
    "LinearNetwork",
    "dense",
    "diagonal",
    "grid_laplacian",
    "haar",
    "laplacian_rank",
    "linear_network",
    "spiked_covariance",
]
