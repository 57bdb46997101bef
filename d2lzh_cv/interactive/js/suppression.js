// Non-maximum suppression as in MultiBoxDetection.
import { iou, single } from "./boxes.js";

// Rows are [class, score, xmin, ymin, xmax, ymax]. Returns the rows with a score of at least lowest, best first, each as
// {row, by, overlap}: by is the place of the row that suppresses it, null for a row that is kept.
export function suppress(rows, threshold, lowest) {
  const sorted = rows.filter((row) => single(row[1]) >= single(lowest)).map((row, i) => [row, i])
    .sort(([a, i], [b, j]) => b[1] - a[1] || i - j).map(([row]) => ({ row, by: null, overlap: 0 }));
  sorted.forEach((best, i) => {
    if (best.by !== null) return;
    for (const other of sorted.slice(i + 1)) {
      const overlap = other.by === null && other.row[0] === best.row[0] ? iou(best.row.slice(2), other.row.slice(2)) : 0;
      if (overlap >= single(threshold)) Object.assign(other, { by: i, overlap });
    }
  });
  return sorted;
}
