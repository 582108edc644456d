// Runs a __global__ text on the CPU. Every thread of a block is a fiber; at __syncthreads it waits
// until all have come. Blocks run one after another, and threads of a block in their order: what
// leans on luck, such as a missing barrier, goes wrong in the same way each time.
#include <math.h>
#include <string.h>
#include <tuple>
#include <type_traits>
#include <ucontext.h>
#include <utility>
#include <vector>

#define __global__
#define __device__
#define __shared__
#define __forceinline__ inline

struct dim3 {
    unsigned x, y, z;
};
static dim3 threadIdx, blockIdx, blockDim, gridDim;

static inline unsigned __float_as_uint(float x) {
    unsigned bits;
    memcpy(&bits, &x, 4);
    return bits;
}
static inline float __uint_as_float(unsigned bits) {
    float x;
    memcpy(&x, &bits, 4);
    return x;
}

static unsigned shared[1 << 15];  // the source declares it extern, of a size that the launch names

namespace shim {
const size_t STACK = 64 * 1024;
const unsigned POISON = 0x7FC5A5A5;  // a NaN, and no word of noise that anybody expects
enum Fault { NONE, DIVERGED, SHARED_OVERRUN };

struct Fiber {
    ucontext_t context;
    std::vector<char> stack;
    bool is_done;
    dim3 index;
};
static ucontext_t scheduler;
static std::vector<Fiber> fibers;
static size_t current;
static void (*call)(void *, void **);
static void *function, **arguments;

static void entry() {
    call(function, arguments);
    fibers[current].is_done = true;
    swapcontext(&fibers[current].context, &scheduler);
}

static void wait() {
    swapcontext(&fibers[current].context, &scheduler);
    threadIdx = fibers[current].index;
}

static Fault run_block(size_t words) {
    const size_t count = blockDim.x * blockDim.y * blockDim.z;
    if (fibers.size() < count) fibers.resize(count);
    for (unsigned &word : shared) word = POISON;
    for (size_t i = 0; i < count; ++i) {
        Fiber &fiber = fibers[i];
        fiber.stack.resize(STACK);
        fiber.is_done = false;
        fiber.index = {unsigned(i % blockDim.x), unsigned(i / blockDim.x % blockDim.y),
                       unsigned(i / blockDim.x / blockDim.y)};
        getcontext(&fiber.context);
        fiber.context.uc_stack.ss_sp = fiber.stack.data();
        fiber.context.uc_stack.ss_size = STACK;
        fiber.context.uc_link = &scheduler;
        makecontext(&fiber.context, entry, 0);
    }
    for (size_t done = 0; done < count;) {  // a round takes each thread to its next barrier
        done = 0;
        for (current = 0; current < count; ++current) {
            threadIdx = fibers[current].index;
            swapcontext(&scheduler, &fibers[current].context);
            done += fibers[current].is_done;
        }
        if (done && done < count) return DIVERGED;
    }
    for (size_t w = words; w < sizeof shared / sizeof *shared; ++w)
        if (shared[w] != POISON) return SHARED_OVERRUN;
    return NONE;
}

template <class... A, size_t... I>
static void apply(void (*kernel)(A...), void **a, std::index_sequence<I...>) {
    kernel(*static_cast<std::decay_t<A> *>(a[I])...);
}

template <class... A> static int launch(void (*kernel)(A...), const unsigned *grid, const unsigned *block,
                                        unsigned bytes, void **a) {
    call = [](void *f, void **list) {
        apply(reinterpret_cast<void (*)(A...)>(f), list, std::index_sequence_for<A...>{});
    };
    function = reinterpret_cast<void *>(kernel);
    arguments = a;
    gridDim = {grid[0], grid[1], grid[2]};
    blockDim = {block[0], block[1], block[2]};
    for (unsigned z = 0; z < gridDim.z; ++z)
        for (unsigned y = 0; y < gridDim.y; ++y)
            for (unsigned x = 0; x < gridDim.x; ++x) {
                blockIdx = {x, y, z};
                const Fault fault = run_block((bytes + 3) / 4);
                if (fault) return fault;
            }
    return NONE;
}

// A letter for each parameter: that of the dtype an argument must have, or P and that of an array's.
template <class T> static void letter(std::vector<char> &text) {
    if constexpr (std::is_pointer_v<T>) {
        text.push_back('P');
        letter<std::remove_cv_t<std::remove_pointer_t<T>>>(text);
    } else if constexpr (std::is_floating_point_v<T>) {
        text.push_back(sizeof(T) == 8 ? 'd' : 'f');
    } else {
        const bool is_long = sizeof(T) == 8;
        text.push_back(std::is_signed_v<T> ? (is_long ? 'q' : 'i') : (is_long ? 'Q' : 'I'));
    }
}

template <class... A> static const char *parameters(void (*)(A...)) {
    static std::vector<char> text;
    text.clear();
    (letter<A>(text), ...);
    text.push_back(0);
    return text.data();
}
}  // namespace shim

static inline void __syncthreads() { shim::wait(); }

#define EXPORT(NAME)                                                                              \
    extern "C" int launch_##NAME(const unsigned *grid, const unsigned *block, unsigned bytes, void **a) { \
        return shim::launch(NAME, grid, block, bytes, a);                                         \
    }                                                                                             \
    extern "C" const char *parameters_##NAME() { return shim::parameters(NAME); }
