"""The passes over memory that `symrank.kernels.cpu_numba` compiles, and what they are made of."""
