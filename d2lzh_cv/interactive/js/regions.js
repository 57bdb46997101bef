// A region of interest pooled to a grid of one size, as ROIPooling and ROIAlign do it.
import { single } from "./boxes.js";

// C's round: halves go away from zero.
const halfAway = (number) => Math.sign(number) * Math.floor(Math.abs(number) + 0.5);

export function roundedRegion(region, scale) {
  return region.map((one) => halfAway(single(single(one) * single(scale))) + 0);
}

// The bins of ROIPooling: {rows: [first, end), columns: [first, end), value, place of the maximum}.
export function roiPooling(map, region, scale, [height, width]) {
  const [x0, y0, x1, y1] = roundedRegion(region, scale), sizes = [map.length, map[0].length];
  const span = (first, last, count, i, size) => {
    const length = single(Math.max(last - first + 1, 1) / count), inside = (place) => Math.min(Math.max(place + first, 0), size);
    return [inside(Math.floor(single(i * length))), inside(Math.ceil(single((i + 1) * length)))];
  };
  return Array.from({ length: height }, (_, i) => Array.from({ length: width }, (_unused, j) => {
    const rows = span(y0, y1, height, i, sizes[0]), columns = span(x0, x1, width, j, sizes[1]);
    let place = null;
    for (let r = rows[0]; r < rows[1]; r += 1) {
      for (let c = columns[0]; c < columns[1]; c += 1) if (!place || map[r][c] > map[place[0]][place[1]]) place = [r, c];
    }
    return { rows, columns, place, value: place ? map[place[0]][place[1]] : 0 };
  }));
}

// The bins of ROIAlign: {points: [x, y] with 2 × 2 samples, value: their mean}; a value lies at the corner of its cell.
export function roiAlign(map, region, scale, [height, width], samples = 2) {
  const [x0, y0, x1, y1] = region.map((one) => one * scale);
  const bin = [Math.max(x1 - x0, 1) / width, Math.max(y1 - y0, 1) / height];
  return Array.from({ length: height }, (_, i) => Array.from({ length: width }, (_unused, j) => {
    const points = [];
    for (let a = 0; a < samples; a += 1) {
      for (let b = 0; b < samples; b += 1) points.push([x0 + (j + (b + 0.5) / samples) * bin[0], y0 + (i + (a + 0.5) / samples) * bin[1]]);
    }
    return { points, value: points.reduce((sum, point) => sum + interpolated(map, point), 0) / points.length };
  }));
}

// The value of the map between its units; 0 more than a unit off the map.
function interpolated(map, [x, y]) {
  const [height, width] = [map.length, map[0].length];
  if (y < -1 || y > height || x < -1 || x > width) return 0;
  const along = (place, size) => {
    const inside = Math.min(Math.max(place, 0), size - 1), low = Math.floor(inside);
    return [low, Math.min(low + 1, size - 1), inside - low];
  };
  const [r0, r1, dy] = along(y, height), [c0, c1, dx] = along(x, width);
  return (1 - dy) * ((1 - dx) * map[r0][c0] + dx * map[r0][c1]) + dy * ((1 - dx) * map[r1][c0] + dx * map[r1][c1]);
}
