/** The columns of a pane that are doubles. `sum` has three, `squares` four, whose sum is exact. */
export const paneNumber = {
  startMs: 0,
  sum: 1,
  squares: 4,
  min: 8,
  max: 9,
  lastTimeMs: 10,
  lastOffset: 11,
  lastValue: 12,
  touchedOffset: 13,
} as const;

/** The columns of a pane that are 32-bit integers. The counts are by number of the verdict. */
export const paneWord = {
  sensor: 0,
  tier: 1,
  flags: 2,
  revision: 3,
  counts: 4,
  bucketsAt: 9,
  bucketCount: 10,
  bucketClass: 11,
  /** The next slot of the list that the pane is in, -1 at its end. */
  next: 12,
  bucketHint: 13,
} as const;

/** What is true of a pane: its end was reached and its row sent; it changed since and its row is to be sent again. */
export const paneFlag = { closed: 1, dirty: 2 } as const;

/** How many doubles, and how many integers, a pane has. */
export const paneWidth = 16;
