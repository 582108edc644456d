// A Langevin step in one pass over memory: product, noise, update and energy.

// theta' = theta - eta y + noise; energy y (2 theta - b y)
template <class Noise> struct FirstOrder {
    Product product;
    const real *theta;  // may be out: a thread reads its own numbers first
    real *out;
    i64 k, col;
    real minus_eta, scale, minus_b;
    Noise noise;
    i64 start;
    double total;

    template <int COUNT> __device__ __forceinline__ void rows(i64 i) {
        real y[COUNT], t[COUNT];
        product.template load<COUNT>(y, i, k, col);
#pragma unroll
        for (int r = 0; r < COUNT; ++r) t[r] = theta[(i + r) * k + col];
#pragma unroll
        for (int r = 0; r < COUNT; ++r) {
            const real e = fused(minus_b, y[r], sum(t[r], t[r]));
            total = fused(wide(y[r]), wide(e), total);
            const real n = noise.row((int)(i + r - start), scale);
            out[(i + r) * k + col] = sum(fused(minus_eta, y[r], t[r]), n);
        }
    }
};

// u = v - h y; v' = c u + noise; theta' = theta + h/2 (u + v'); energy y theta
template <class Noise> struct Kinetic {
    Product product;
    const real *theta;
    real *out;
    real *velocity;
    i64 k, col;
    real minus_h, scale, half_h, decay;
    Noise noise;
    i64 start;
    double total;

    template <int COUNT> __device__ __forceinline__ void rows(i64 i) {
        real y[COUNT], t[COUNT], v[COUNT];
        product.template load<COUNT>(y, i, k, col);
#pragma unroll
        for (int r = 0; r < COUNT; ++r) {
            t[r] = theta[(i + r) * k + col];
            v[r] = velocity[(i + r) * k + col];
        }
#pragma unroll
        for (int r = 0; r < COUNT; ++r) {
            total = fused(wide(y[r]), wide(t[r]), total);
            const real u = fused(minus_h, y[r], v[r]);
            const real w = fused(decay, u, noise.row((int)(i + r - start), scale));
            velocity[(i + r) * k + col] = w;
            out[(i + r) * k + col] = fused(half_h, sum(u, w), t[r]);
        }
    }
};

#define FIRST_ORDER(NAME, ...) \
    LAUNCHED first_order_##NAME(FIELDS, const real *theta, real *out, double *partial, i64 n, i64 k, \
                                real minus_eta, real scale, real minus_b, \
                                u64 key, u64 step, u64 chain) { \
        const Place place(n, k); \
        FirstOrder<__VA_ARGS__> work{PRODUCT, theta, out, k, place.col, minus_eta, scale, minus_b, \
                                     __VA_ARGS__(Law{key, step, chain}, place, k), 0, 0.0}; \
        in_blocks<Product::ROWS_TOGETHER>(work, place); \
        if (!place.is_empty()) partial[place.chunk * k + place.col] = work.total; \
    }

#define KINETIC(NAME, ...) \
    LAUNCHED kinetic_##NAME(FIELDS, const real *theta, real *out, real *velocity, double *partial, \
                            i64 n, i64 k, real minus_h, real scale, real half_h, real c, \
                            u64 key, u64 step, u64 chain) { \
        const Place place(n, k); \
        Kinetic<__VA_ARGS__> work{PRODUCT, theta, out, velocity, k, place.col, minus_h, scale, half_h, c, \
                                  __VA_ARGS__(Law{key, step, chain}, place, k), 0, 0.0}; \
        in_blocks<Product::ROWS_TOGETHER>(work, place); \
        if (!place.is_empty()) partial[place.chunk * k + place.col] = work.total; \
    }

FIRST_ORDER(signs, Signs<1>)
FIRST_ORDER(averaged_signs, Signs<2>)
FIRST_ORDER(gaussians, Gaussians<1>)
FIRST_ORDER(averaged_gaussians, Gaussians<2>)
KINETIC(signs, Signs<1>)
KINETIC(averaged_signs, Signs<2>)
KINETIC(gaussians, Gaussians<1>)
KINETIC(averaged_gaussians, Gaussians<2>)
