// What every kernel needs. Python puts before it: real (float, where SINGLE is defined, or double),
// index_type, CHUNK and FAN (see kernels/compiled/sums.py), ROWS of a block of noise, and for kernels
// that multiply one of CSR, DIAGONAL, GIVEN.
//
// The bits of a result are part of what these kernels promise: they are those of the compiled CPU
// kernels on a processor with fused multiply-add. So a product that is added is one `fused`, all
// else is rounded by itself (--fmad=false), nothing comes from a library but sqrt, which is rounded
// correctly, nothing is atomic, and sums have one order.

typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;

#define BATCH 4  // rows, or non-zeros of one, whose loads are in flight together
#define LAUNCHED extern "C" __global__ void

__device__ __forceinline__ double fused(double a, double b, double c) { return fma(a, b, c); }
__device__ __forceinline__ double sum(double a, double b) { return a + b; }
__device__ __forceinline__ double wide(double a) { return a; }
__device__ __forceinline__ double negated(double a) { return -a; }

// CuPy compiles with -ftz=true, whatever it is asked for: numbers of single precision below 1.2e-38
// would be taken for zero. An instruction that is spelled out is left alone.
__device__ __forceinline__ float negated(float a) {
    return __uint_as_float(__float_as_uint(a) ^ 0x80000000u);
}
#if defined(__CUDACC_RTC__)
__device__ __forceinline__ float fused(float a, float b, float c) {
    float d;
    asm("fma.rn.f32 %0, %1, %2, %3;" : "=f"(d) : "f"(a), "f"(b), "f"(c));
    return d;
}
__device__ __forceinline__ float sum(float a, float b) {
    float d;
    asm("add.rn.f32 %0, %1, %2;" : "=f"(d) : "f"(a), "f"(b));
    return d;
}
__device__ __forceinline__ double wide(float a) {
    double d;
    asm("cvt.f64.f32 %0, %1;" : "=d"(d) : "f"(a));
    return d;
}
__device__ __forceinline__ float single(double a) {
    float d;
    asm("cvt.rn.f32.f64 %0, %1;" : "=f"(d) : "d"(a));
    return d;
}
#else
__device__ __forceinline__ float fused(float a, float b, float c) { return fmaf(a, b, c); }
__device__ __forceinline__ float sum(float a, float b) { return a + b; }
__device__ __forceinline__ double wide(float a) { return a; }
__device__ __forceinline__ float single(double a) { return (float)a; }
#endif

#if defined(SINGLE)
__device__ __forceinline__ real rounded(double a) { return single(a); }
#else
__device__ __forceinline__ real rounded(double a) { return a; }
#endif

// A thread has one column of one chunk of rows; neighbouring threads have neighbouring columns, so
// that a row of sixteen doubles is one line of memory.
struct Place {
    i64 chunk, col, first, last;  // rows first..last - 1

    __device__ __forceinline__ Place(i64 n, i64 k) {
        chunk = (i64)blockIdx.x * blockDim.y + threadIdx.y;
        col = (i64)blockIdx.y * blockDim.x + threadIdx.x;
        first = chunk * CHUNK < n && col < k ? chunk * CHUNK : n;
        last = n - first < CHUNK ? n : first + CHUNK;
    }

    __device__ __forceinline__ bool is_empty() const { return first == last; }
};

// Rows first..last - 1 in their order: the loads of a batch come before its chain of additions.
template <int COUNT, class Work>
__device__ __forceinline__ void in_batches(Work &work, i64 first, i64 last) {
    i64 i = first;
    if (COUNT > 1)
        for (; i + COUNT <= last; i += COUNT) work.template rows<COUNT>(i);
    for (; i < last; ++i) work.template rows<1>(i);
}
