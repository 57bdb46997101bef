// Boxes are [xmin, ymin, xmax, ymax]. MXNet computes in single precision; IoU rounds each step to it, so that a
// comparison with a threshold comes out the same.
export const single = Math.fround;

export function area(box) {
  const [x0, y0, x1, y1] = box.map(single);
  return single(single(x1 - x0) * single(y1 - y0));
}

export function intersection(a, b) {
  const low = [0, 1].map((i) => Math.max(single(a[i]), single(b[i])));
  const high = [2, 3].map((i) => Math.min(single(a[i]), single(b[i])));
  return single(Math.max(0, single(high[0] - low[0])) * Math.max(0, single(high[1] - low[1])));
}

export function iou(a, b) {
  const shared = intersection(a, b), union = single(single(area(a) + area(b)) - shared);
  return union > 0 ? single(shared / union) : 0;
}

// Centre x, centre y, width, height.
export function center([x0, y0, x1, y1]) {
  return [(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0];
}

// From an anchor to a box, with the variances 0.1 and 0.2 of section 9.4; not defined for a box without area.
export function offsets(anchor, box) {
  const [xa, ya, wa, ha] = center(anchor), [xb, yb, wb, hb] = center(box);
  if (!(wa > 0 && ha > 0 && wb > 0 && hb > 0)) return [NaN, NaN, NaN, NaN];
  return [(xb - xa) / wa / 0.1, (yb - ya) / ha / 0.1, Math.log(wb / wa) / 0.2, Math.log(hb / ha) / 0.2];
}
