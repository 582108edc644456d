"""Hessian and Gauss-Newton operators of PyTorch losses; `symrank.torch` is the door."""
