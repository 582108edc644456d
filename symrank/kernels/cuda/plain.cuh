// Kernels without a product: noise by itself, the second pass of a Lanczos step, and sums of chunks.

template <class Noise> struct Draw {
    real *out;
    i64 k, col;
    real scale;
    Noise noise;
    i64 start;

    template <int COUNT> __device__ __forceinline__ void rows(i64 i) {
#pragma unroll
        for (int r = 0; r < COUNT; ++r) out[(i + r) * k + col] = noise.row((int)(i + r - start), scale);
    }
};

#define DRAW(NAME, ...) \
    LAUNCHED draw_##NAME(real *out, i64 n, i64 k, real scale, u64 key, u64 step, u64 chain) { \
        const Place place(n, k); \
        Draw<__VA_ARGS__> work{out, k, place.col, scale, \
                               __VA_ARGS__(Law{key, step, chain}, place, k), 0}; \
        in_blocks<BATCH>(work, place); \
    }

DRAW(signs, Signs<1>)
DRAW(gaussians, Gaussians<1>)

// w = y - alpha s u, over y; |w|^2
struct Subtract {
    const real *u;
    real *y;
    i64 k, col;
    real factor;
    double total;

    template <int COUNT> __device__ __forceinline__ void rows(i64 i) {
        real own[COUNT], before[COUNT];
#pragma unroll
        for (int r = 0; r < COUNT; ++r) {
            own[r] = u[(i + r) * k + col];
            before[r] = y[(i + r) * k + col];
        }
#pragma unroll
        for (int r = 0; r < COUNT; ++r) {
            const real w = fused(factor, own[r], before[r]);
            y[(i + r) * k + col] = w;
            total = fused(wide(w), wide(w), total);
        }
    }
};

LAUNCHED subtract(real *y, const real *u, const double *alpha, const double *scale, double *partial, i64 n,
                  i64 k, i64 parts) {
    const Place place(n, k);
    if (place.is_empty()) return;
    const i64 vector = place.col / parts;
    Subtract work{u, y, k, place.col, rounded(-alpha[vector] * scale[vector]), 0.0};
    in_batches<BATCH>(work, place.first, place.last);
    partial[place.chunk * k + place.col] = work.total;
}

// A thread adds FAN neighbouring chunks of one column in their order; `kernels/compiled/sums.py`.
__device__ __forceinline__ double chain(const double *__restrict__ at, i64 count, i64 stride) {
    double total = at[0];
    i64 c = 1;
    for (; c + BATCH <= count; c += BATCH) {
        double x[BATCH];
#pragma unroll
        for (int r = 0; r < BATCH; ++r) x[r] = at[(c + r) * stride];
#pragma unroll
        for (int r = 0; r < BATCH; ++r) total = total + x[r];
    }
    for (; c < count; ++c) total = total + at[c * stride];
    return total;
}

// `partial` is (batch, chunks, k parts), `sums` (batch, groups, k); blockIdx.y is the batch. The last
// call of several adds the parts of a vector, and may take the root.
LAUNCHED add_chunks(const double *partial, double *sums, i64 chunks, i64 k, i64 parts, i64 root) {
    const i64 groups = (chunks + FAN - 1) / FAN, at = (i64)blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= groups * k) return;
    const i64 group = at / k, col = at % k * parts, left = chunks - group * FAN, columns = k * parts;
    const double *from = partial + ((i64)blockIdx.y * chunks + group * FAN) * columns + col;
    const i64 count = left < FAN ? left : FAN;
    double total = chain(from, count, columns);
    if (parts == 2) total = total + chain(from + 1, count, columns);
    sums[(i64)blockIdx.y * groups * k + at] = root ? sqrt(total) : total;
}
