// The first pass of a Lanczos step; v = s u, and vectors have `parts` real columns each.

// y = s A u - c u_previous, over u_previous; <s u, y>
struct Project {
    Product product;
    const real *u;
    real *previous;
    i64 k, col;
    real s, minus_c;
    double total;

    template <int COUNT> __device__ __forceinline__ void rows(i64 i) {
        real y[COUNT], own[COUNT], before[COUNT];
        product.template load<COUNT>(y, i, k, col);
#pragma unroll
        for (int r = 0; r < COUNT; ++r) {
            own[r] = u[(i + r) * k + col];
            before[r] = previous[(i + r) * k + col];
        }
#pragma unroll
        for (int r = 0; r < COUNT; ++r) {
            const real w = fused(minus_c, before[r], fused(s, y[r], (real)0));
            previous[(i + r) * k + col] = w;
            const real v = fused(s, own[r], (real)0);
            total = fused(wide(v), wide(w), total);
        }
    }
};

LAUNCHED multiply_and_project(FIELDS, const real *u, real *previous, const double *scale,
                              const double *coupling, double *partial, i64 n, i64 k, i64 parts) {
    const Place place(n, k);
    if (place.is_empty()) return;
    const i64 vector = place.col / parts;
    const real s = rounded(scale[vector]), minus_c = rounded(-coupling[vector]);
    Project work{PRODUCT, u, previous, k, place.col, s, minus_c, 0.0};
    in_batches<Product::ROWS_TOGETHER>(work, place.first, place.last);
    partial[place.chunk * k + place.col] = work.total;
}
