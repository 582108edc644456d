"""Kernels of a device, run on the host."""

from symrank import kernels

ON_HOST = tuple(name for name in kernels.NAMES if not name.startswith("gpu_"))
