// Anchors as MultiBoxPrior makes them, and their labels as MultiBoxTarget gives them.
import { offsets } from "./boxes.js";

// The n + m - 1 pairs (size, ratio) with the first size or the first ratio.
export function pairs(sizes, ratios) {
  return [...sizes.map((size) => [size, ratios[0]]), ...ratios.slice(1).map((ratio) => [sizes[0], ratio])];
}

// The anchors around one unit of a map of rows × columns, relative: s·√r·H/W wide and s/√r high.
export function anchorsOfUnit(rows, columns, sizes, ratios, row, column) {
  const y = (row + 0.5) / rows, x = (column + 0.5) / columns;
  return pairs(sizes, ratios).map(([size, ratio]) => {
    const w = (size * Math.sqrt(ratio) * rows) / columns / 2, h = size / Math.sqrt(ratio) / 2;
    return [x - w, y - h, x + w, y + h];
  });
}

export function anchorsOfMap(rows, columns, sizes, ratios) {
  return Array.from({ length: rows * columns }, (_, i) =>
    anchorsOfUnit(rows, columns, sizes, ratios, Math.floor(i / columns), i % columns)).flat();
}

// Which object each anchor gets (-1: none), step by step; overlaps has a row per anchor and a column per object.
// As long as an object is free, the largest element left decides, the first of equal ones, if it is above 1e-6. Then
// each anchor left gets the object of its row's largest element, if this is above the threshold.
export function assign(overlaps, threshold) {
  const objects = overlaps[0].length, given = overlaps.map(() => -1), taken = Array(objects).fill(false), steps = [];
  for (;;) {
    let best = { kind: "largest", anchor: -1, object: -1, iou: Math.fround(1e-6) };
    overlaps.forEach((row, anchor) => row.forEach((iou, object) => {
      if (given[anchor] < 0 && !taken[object] && iou > best.iou) best = { ...best, anchor, object, iou };
    }));
    if (best.anchor < 0) break;
    given[best.anchor] = best.object;
    taken[best.object] = true;
    steps.push({ ...best, given: [...given], taken: [...taken] });
  }
  overlaps.forEach((row, anchor) => {
    if (given[anchor] >= 0) return;
    const object = row.indexOf(Math.max(...row)), positive = row[object] > Math.fround(threshold);
    if (positive) given[anchor] = object;
    steps.push({ kind: "row", anchor, object, iou: row[object], positive, given: [...given], taken: [...taken] });
  });
  return { given, steps };
}

// Class (0 background), mask and offsets of each anchor.
export function targets(anchors, objects, classes, given) {
  return anchors.map((anchor, i) => (given[i] < 0 ? { class: 0, mask: 0, offsets: [0, 0, 0, 0] }
    : { class: classes[given[i]] + 1, mask: 1, offsets: offsets(anchor, objects[given[i]]) }));
}
