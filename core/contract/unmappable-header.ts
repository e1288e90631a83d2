import { z } from 'zod';

/** The topic of source rows that their mapping could not turn into an event. */
export const unmappableTopic = 'weir.unmappable.v1';

/** What is known about a source row that has no event. */
export type UnmappableHeader = z.infer<typeof unmappableHeader>;

/** The shape of the first line of an unmappable record; the row's own bytes follow it. */
export const unmappableHeader = z.strictObject({
  /** Where the event was meant to go. */
  topic: z.string(),
  /** The row's number in its source, from 0. */
  sourceRow: z.int().min(0),
  /** One sentence that says what came and what was expected. */
  message: z.string(),
  issues: z.array(z.strictObject({ path: z.string(), got: z.string(), expected: z.string() })).readonly(),
});
