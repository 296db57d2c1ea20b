/** A value of something at a time, in milliseconds. */
export type Point = { readonly at: number; readonly value: number };

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/**
 * Returns by how much values grow in an hour: the median of the slopes of all pairs of points that are far from each other (Theil and Sen), which single
 * peaks, as those of garbage, do not move.
 */
export const growthPerHour = (points: readonly Point[]): number => {
  const half = Math.floor(points.length / 2);
  const slopes: number[] = [];
  for (let first = 0; first + half < points.length; first += 1) {
    const [from, to] = [points[first], points[first + half]];
    if (from !== undefined && to !== undefined) slopes.push((to.value - from.value) / (to.at - from.at));
  }
  return median(slopes) * 3_600_000;
};

/** Returns the median of the values of points. */
export const medianOf = (points: readonly Point[]): number => median(points.map(({ value }) => value));
