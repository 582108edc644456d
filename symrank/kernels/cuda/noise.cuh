// Noise as a function of its address (key, step, row, chain); see `reference.draw`.
//
// A block of threads makes the noise of ROWS rows of each of its chunks in shared memory, as 32-bit
// words, and then reads it row by row.

extern __shared__ u32 shared[];

struct Law {
    u64 key, step, chain;  // the number of the chain in column 0
};

struct Words {
    u32 x[4];
};

// Philox4x32-10, Salmon et al., SC 2011.
__device__ __forceinline__ Words philox(u32 c0, u32 c1, u32 c2, u32 c3, u64 key) {
    u32 k0 = (u32)key, k1 = (u32)(key >> 32);
#pragma unroll
    for (int round = 0; round < 10; ++round) {
        const u64 p0 = (u64)0xD2511F53u * c0, p1 = (u64)0xCD9E8D57u * c2;
        c0 = (u32)(p1 >> 32) ^ c1 ^ k0;
        c2 = (u32)(p0 >> 32) ^ c3 ^ k1;
        c1 = (u32)p1;
        c3 = (u32)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return Words{{c0, c1, c2, c3}};
}

// Four words for rows r, r + 16, r + 32, r + 48 of a block, of one chain or of 32 of them.
__device__ __forceinline__ Words quarter(i64 block, int r, u64 chain, u64 step, u64 key) {
    const u32 row = (u32)(block * (ROWS / 4) + r);
    return philox(row, (u32)chain, (u32)step, (u32)(step >> 32), key);
}

// +-1: a word is one row of 32 chains, and a set bit is minus. The threads share the words.
// Averaged, it is the mean of the signs of two steps.
template <int STEPS> struct Signs {
    Law law;
    int groups;      // of 32 chains that the columns of this block of threads lie in
    u64 first;       // group
    const u32 *own;  // words of this thread's chunk and group
    u32 bit;

    __device__ __forceinline__ Signs(const Law &law_, const Place &place, i64 k) : law(law_) {
        const u64 left = law.chain + (u64)blockIdx.y * blockDim.x;
        const u64 end = law.chain + (u64)k, right = left + blockDim.x < end ? left + blockDim.x : end;
        const u64 number = law.chain + (u64)place.col;
        first = left / 32;
        groups = (int)((right - 1) / 32 - first) + 1;
        own = shared + ((i64)threadIdx.y * groups + (i64)(number / 32 - first)) * (STEPS * ROWS);
        bit = (u32)(number % 32);
    }

    __device__ __forceinline__ void fill(const Place &, int block) {
        const int calls = ROWS / 4, threads = blockDim.x * blockDim.y;
        const int items = (int)blockDim.y * groups * calls;
        for (int q = threadIdx.y * blockDim.x + threadIdx.x; q < items; q += threads) {
            const int r = q % calls, unit = q / calls;  // one chunk and group
            const i64 chunk = (i64)blockIdx.x * blockDim.y + unit / groups;
            const i64 at = chunk * (CHUNK / ROWS) + block;
            for (int s = 0; s < STEPS; ++s) {
                const Words w = quarter(at, r, first + unit % groups, law.step + s, law.key);
                u32 *to = shared + (unit * STEPS + s) * ROWS + r;
#pragma unroll
                for (int j = 0; j < 4; ++j) to[j * calls] = w.x[j];
            }
        }
    }

    __device__ __forceinline__ bool is_minus(int r, int s) const {
        return own[s * ROWS + r] >> bit & 1u;
    }

    __device__ __forceinline__ real row(int r, real scale) const {
        if (STEPS == 1) return is_minus(r, 0) ? negated(scale) : scale;
        if (is_minus(r, 0) != is_minus(r, 1)) return (real)0;
        return is_minus(r, 0) ? negated(scale) : scale;
    }
};

// Box-Muller in single precision, see `reference.box_muller`: two Gaussians from two words. No number
// on the way is below 1e-27 unless it is zero (|t| >= 2.9e-9, t z >= 2.5e-26), so nothing is flushed.
__device__ __forceinline__ void box_muller(u32 a, u32 b, float *first, float *second) {
    const float u = (float)(int)(a >> 1) + 0.5f;  // 2^31 times a number in (0, 1]
    // the mantissa goes to [sqrt(1/2), sqrt(2)), where log m = 2 artanh f converges fast
    const u32 bits = __float_as_uint(u) + (0x3F800000u - 0x3F3504F3u);
    const int exponent = ((int)bits >> 23) - (127 + 31);
    const float m = __uint_as_float((bits & 0x007FFFFFu) + 0x3F3504F3u);
    const float f = (m - 1.0f) / (m + 1.0f);
    const float s = f * f;
    const float inner = (float)(2. / 5) + s * ((float)(2. / 7) + s * (float)(2. / 9));
    const float series = (float)(2. / 3) + s * inner;
    const float log = (float)exponent * (float)0.69314718055994530942 + f * (2.0f + s * series);
    const float r = sqrtf(-2.0f * (log < 0.0f ? log : 0.0f));
    const float unit = (float)(3.14159265358979323846 / 1073741824.);
    const float t = (float)((int)(b & 0x1FFFFFFFu) - 0x10000000) * unit;  // +-pi/4
    const float z = t * t;
    float sine = (float)(1. / 120) + z * ((float)(-1. / 5040) + z * (float)(1. / 362880));
    sine = t + t * z * ((float)(-1. / 6) + z * sine);
    float cosine = (float)(1. / 24) + z * ((float)(-1. / 720) + z * (float)(1. / 40320));
    cosine = 1.0f + z * (-0.5f + z * cosine);
    const bool swap = b >> 31;
    const float x = r * (swap ? cosine : sine), y = r * (swap ? sine : cosine);
    *first = __uint_as_float(__float_as_uint(x) ^ (b << 1 & 0x80000000u));
    *second = __uint_as_float(__float_as_uint(y) ^ (b << 2 & 0x80000000u));
}

// Gaussians: a thread makes the numbers of its own chain, in single precision.
template <int STEPS> struct Gaussians {
    Law law;
    int stride;
    u32 *own;  // of row 0; the numbers of a row lie side by side

    __device__ __forceinline__ Gaussians(const Law &law_, const Place &, i64) : law(law_) {
        stride = blockDim.x * blockDim.y;
        own = shared + threadIdx.y * blockDim.x + threadIdx.x;
    }

    __device__ __forceinline__ void fill(const Place &place, int block) {
        if (place.is_empty()) return;
        const int calls = ROWS / 4;
        for (int r = 0; r < calls; ++r) {
            float x[STEPS][4];
            for (int s = 0; s < STEPS; ++s) {
                const Words w = quarter(place.chunk * (CHUNK / ROWS) + block, r, law.chain + place.col,
                                        law.step + s, law.key);
                box_muller(w.x[0], w.x[1], &x[s][0], &x[s][2]);
                box_muller(w.x[2], w.x[3], &x[s][1], &x[s][3]);
            }
#pragma unroll
            for (int j = 0; j < 4; ++j) {
                const float value = STEPS == 1 ? x[0][j] : 0.5f * (x[0][j] + x[STEPS - 1][j]);
                own[(j * calls + r) * stride] = __float_as_uint(value);
            }
        }
    }

    __device__ __forceinline__ real row(int r, real scale) const {
        return fused(scale, (real)__uint_as_float(own[r * stride]), (real)0);
    }
};

// The rows of this thread, block of noise by block: `work.rows<COUNT>(i)` finds the noise of row i as
// work.noise.row(i - work.start, scale).
template <int COUNT, class Work>
__device__ __forceinline__ void in_blocks(Work &work, const Place &place) {
#pragma unroll 1
    for (int block = 0; block < CHUNK / ROWS; ++block) {
        work.noise.fill(place, block);
        __syncthreads();  // the words of all threads are there
        if (!place.is_empty() && place.first + block * ROWS < place.last) {
            work.start = place.first + block * ROWS;
            const i64 last = place.last - work.start < ROWS ? place.last : work.start + ROWS;
            in_batches<COUNT>(work, work.start, last);
        }
        __syncthreads();  // all have read them
    }
}
