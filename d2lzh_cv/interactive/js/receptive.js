// The receptive field of a unit: which pixels it sees.

// Layers are [kernel, stride, padding]. The field is size pixels wide, begins at start for unit 0, and moves by stride.
export function fieldOf(layers) {
  return layers.reduce(({ size, stride, start }, [k, s, p]) => (
    { size: size + (k - 1) * stride, start: start - p * stride, stride: stride * s }), { size: 1, stride: 1, start: 0 });
}

const HALVE = [[3, 1, 1], [3, 1, 1], [2, 2, 0]];

// TinySSD's five scales for a picture of 256 × 256: side of the map, sizes of the anchors, layers before the map.
export const TINY_SSD = [[32, [0.2, 0.272], 3], [16, [0.37, 0.447], 4], [8, [0.54, 0.619], 5], [4, [0.71, 0.79], 6], [1, [0.88, 0.961], 6]]
  .map(([side, sizes, blocks], scale) => ({ side, sizes, layers: [...Array(blocks).fill(HALVE).flat(), ...(scale === 4 ? [[4, 4, 0]] : [])] }));
export const SSD_RATIOS = [1, 2, 0.5];
