// Rows of a product A X by what A is. `Product::load<COUNT>` fills y with rows i.. of one column, and
// ROWS_TOGETHER says how many it should be asked for.

#if defined(CSR)

// A row is summed in double precision. The kernels write none of these arrays.
struct Product {
    const index_type *__restrict__ indptr;
    const index_type *__restrict__ indices;
    const real *__restrict__ data;
    const real *__restrict__ X;
    enum { ROWS_TOGETHER = 1 };

    __device__ __forceinline__ real row(i64 begin, i64 end, i64 k, i64 col) const {
        double y = 0.0;
        for (i64 j = begin; j < end; j += BATCH) {
            real a[BATCH], x[BATCH];
#pragma unroll
            for (int r = 0; r < BATCH; ++r)
                if (j + r < end) {
                    a[r] = data[j + r];
                    x[r] = X[(i64)indices[j + r] * k + col];
                }
#pragma unroll
            for (int r = 0; r < BATCH; ++r)
                if (j + r < end) y = fused(wide(a[r]), wide(x[r]), y);
        }
        return rounded(y);
    }

    template <int COUNT> __device__ __forceinline__ void load(real *y, i64 i, i64 k, i64 col) const {
        i64 ends[COUNT + 1];
#pragma unroll
        for (int r = 0; r <= COUNT; ++r) ends[r] = (i64)indptr[i + r];
#pragma unroll
        for (int r = 0; r < COUNT; ++r) y[r] = row(ends[r], ends[r + 1], k, col);
    }
};
#define FIELDS const index_type *indptr, const index_type *indices, const real *data, const real *X
#define PRODUCT Product{indptr, indices, data, X}

#elif defined(DIAGONAL)

struct Product {
    const real *__restrict__ d;
    const real *X;  // may be what the kernel writes: a thread reads its own numbers first
    enum { ROWS_TOGETHER = BATCH };

    template <int COUNT> __device__ __forceinline__ void load(real *y, i64 i, i64 k, i64 col) const {
#pragma unroll
        for (int r = 0; r < COUNT; ++r) y[r] = fused(d[i + r], X[(i + r) * k + col], (real)0);
    }
};
#define FIELDS const real *d, const real *X
#define PRODUCT Product{d, X}

#elif defined(GIVEN)

struct Product {
    const real *Y;
    enum { ROWS_TOGETHER = BATCH };

    template <int COUNT> __device__ __forceinline__ void load(real *y, i64 i, i64 k, i64 col) const {
#pragma unroll
        for (int r = 0; r < COUNT; ++r) y[r] = Y[(i + r) * k + col];
    }
};
#define FIELDS const real *Y
#define PRODUCT Product{Y}

#endif
