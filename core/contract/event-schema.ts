import { z } from 'zod';

/**
 * A closed object schema whose parsed events have their fields in sorted order, so that their canonical text needs no
 * second sort.
 */
export function eventSchema<Shape extends z.core.$ZodLooseShape>(shape: Shape): z.ZodObject<Shape, z.core.$strict> {
  const sorted = Object.entries(shape).toSorted(([left], [right]) => (left < right ? -1 : 1));
  return z.strictObject(Object.fromEntries(sorted) as Shape);
}
