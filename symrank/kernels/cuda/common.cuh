// What every kernel needs. Python puts before it: real (float or double), index_type, CHUNK and FAN
// (see kernels/compiled/sums.py), ROWS of a block of noise, and for kernels that multiply one of CSR,
// DIAGONAL, GIVEN.
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
__device__ __forceinline__ float fused(float a, float b, float c) { return fmaf(a, b, c); }

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
