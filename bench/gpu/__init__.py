"""What the kernels do on a GPU: their bits, their speed, whole runs."""
