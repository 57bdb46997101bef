// Transposed convolution of one channel in three ways, and the kernel that interpolates. Matrices are lists of rows.

export function zeros(rows, columns) {
  return Array.from({ length: rows }, () => Array(columns).fill(0));
}

export function outputSize(n, k, stride, padding) {
  return stride * (n - 1) + k - 2 * padding;
}

// The output, before the padding is cut, after the first count elements of the input have spread the kernel over it.
export function spread(X, K, stride, count = X.length * X[0].length) {
  const Y = zeros(stride * (X.length - 1) + K.length, stride * (X[0].length - 1) + K[0].length);
  X.flat().slice(0, count).forEach((x, number) => {
    const top = Math.floor(number / X[0].length) * stride, left = (number % X[0].length) * stride;
    K.forEach((row, i) => row.forEach((k, j) => { Y[top + i][left + j] += x * k; }));
  });
  return Y;
}

export function cut(Y, padding) {
  return Y.slice(padding, Y.length - padding).map((row) => row.slice(padding, row.length - padding));
}

// s - 1 zeros between neighbours, and a border of zeros; a negative border cuts.
export function insertZeros(X, stride, border = 0) {
  const Y = spread(X, [[1]], stride);
  if (border < 0) return cut(Y, -border);
  const wide = zeros(Y.length + 2 * border, Y[0].length + 2 * border);
  Y.forEach((row, i) => row.forEach((one, j) => { wide[i + border][j + border] = one; }));
  return wide;
}

export function rotated(K) {
  return K.map((row) => [...row].reverse()).reverse();
}

// W of the convolution that turns the output's shape into the input's: a row per input, a column per output.
export function matrix(X, K, stride, padding) {
  return X.flat().map((_, number) => {
    const one = zeros(X.length, X[0].length);
    one[Math.floor(number / X[0].length)][number % X[0].length] = 1;
    return cut(spread(one, K, stride), padding).flat();
  });
}

export function bilinearKernel(k) {
  const factor = Math.floor((k + 1) / 2), middle = k % 2 ? factor - 1 : factor - 0.5;
  const slope = Array.from({ length: k }, (_, i) => 1 - Math.abs(i - middle) / factor);
  return slope.map((a) => slope.map((b) => a * b));
}
