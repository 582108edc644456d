// A Chebyshev step: y = slope A t + offset t - t_previous, over t_previous; <t, y> and <y, y>.

struct Chebyshev {
    Product product;
    const real *t;
    real *previous;
    i64 k, col;
    real slope, offset;
    double mixed, square;

    template <int COUNT> __device__ __forceinline__ void rows(i64 i) {
        real y[COUNT], own[COUNT], before[COUNT];
        product.template load<COUNT>(y, i, k, col);
#pragma unroll
        for (int r = 0; r < COUNT; ++r) {
            own[r] = t[(i + r) * k + col];
            before[r] = previous[(i + r) * k + col];
        }
#pragma unroll
        for (int r = 0; r < COUNT; ++r) {
            const real rest = fused((real)-1, before[r], fused(offset, own[r], (real)0));
            const real w = fused(slope, y[r], rest);
            previous[(i + r) * k + col] = w;
            mixed = fused(wide(own[r]), wide(w), mixed);
            square = fused(wide(w), wide(w), square);
        }
    }
};

// `partial` is (2, chunks, k): mixed, then square.
LAUNCHED chebyshev_step(FIELDS, const real *t, real *previous, double *partial, i64 chunks, i64 n, i64 k,
                        real slope, real offset) {
    const Place place(n, k);
    if (place.is_empty()) return;
    Chebyshev work{PRODUCT, t, previous, k, place.col, slope, offset, 0.0, 0.0};
    in_batches<Product::ROWS_TOGETHER>(work, place.first, place.last);
    partial[place.chunk * k + place.col] = work.mixed;
    partial[(chunks + place.chunk) * k + place.col] = work.square;
}
