"""All methods, SciPy, imate and primate after the same number of products."""
