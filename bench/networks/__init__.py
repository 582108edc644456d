"""Networks: products with Hessians, and what their spectra say."""
