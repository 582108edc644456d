// A X by itself: a thread has one number.

LAUNCHED multiply(FIELDS, real *out, i64 n, i64 k) {
    const i64 i = (i64)blockIdx.x * blockDim.y + threadIdx.y;
    const i64 col = (i64)blockIdx.y * blockDim.x + threadIdx.x;
    if (i >= n || col >= k) return;
    real y[1];
    const Product product = PRODUCT;
    product.template load<1>(y, i, k, col);
    out[i * k + col] = y[0];
}
