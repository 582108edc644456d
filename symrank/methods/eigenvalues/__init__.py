"""All eigenvalues, or all singular values, by LAPACK."""
