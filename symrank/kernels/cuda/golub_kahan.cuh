// Half a Golub-Kahan step; vectors have `parts` real columns each.

// w = s X u - c w_previous, over w_previous; |w|^2
struct Half {
    Product product;
    real *previous;
    i64 k, col;
    real s, minus_c;
    double total;

    template <int COUNT> __device__ __forceinline__ void rows(i64 i) {
        real y[COUNT], before[COUNT];
        product.template load<COUNT>(y, i, k, col);
#pragma unroll
        for (int r = 0; r < COUNT; ++r) before[r] = previous[(i + r) * k + col];
#pragma unroll
        for (int r = 0; r < COUNT; ++r) {
            const real w = fused(minus_c, before[r], fused(s, y[r], (real)0));
            previous[(i + r) * k + col] = w;
            total = fused(wide(w), wide(w), total);
        }
    }
};

LAUNCHED golub_kahan_step(FIELDS, real *previous, const double *scale, const double *coupling,
                          double *partial, i64 n, i64 k, i64 parts) {
    const Place place(n, k);
    if (place.is_empty()) return;
    const i64 vector = place.col / parts;
    const real s = rounded(scale[vector]), minus_c = rounded(-coupling[vector]);
    Half work{PRODUCT, previous, k, place.col, s, minus_c, 0.0};
    in_batches<Product::ROWS_TOGETHER>(work, place.first, place.last);
    partial[place.chunk * k + place.col] = work.total;
}
