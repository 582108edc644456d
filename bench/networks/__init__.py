"""Losses and networks: Algorithm 1, products with Hessians, and what their spectra say."""
