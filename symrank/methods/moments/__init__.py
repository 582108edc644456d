"""Chebyshev moments: polynomial filters, and the published method of Ubaru and Saad."""
