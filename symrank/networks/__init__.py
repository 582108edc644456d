"""Hessians of trained networks, from a loss in PyTorch or JAX.

Nothing here is imported by `import symrank`: `symrank.torch` and `symrank.jax` are the doors.
"""
