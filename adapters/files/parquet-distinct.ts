const distinctMax = 8192;
/** After so many values at the latest, more distinct ones than half of them mean that a dictionary does not pay. */
const trialValues = 1024;

const slots = new Int32Array(distinctMax * 4);
const doubles = new Float64Array(distinctMax);
const words = new Int32Array(doubles.buffer);
let indexes = new Int32Array(0);

/** The distinct values of a column in order of their first appearance, and which of them each value is. */
export type Distinct = { readonly count: number; readonly bytes: Uint8Array; readonly indexes: Int32Array };

/** Finds the distinct values, bit for bit; null when they are too many. The answer is valid until the next call. */
export function findDistinct(values: Float64Array<ArrayBuffer>, count: number): Distinct | null {
  if (indexes.length < count) indexes = new Int32Array(count);
  slots.fill(0);
  const valueWords = new Int32Array(values.buffer, values.byteOffset, count * 2);
  let distinct = 0;
  for (let i = 0; i < count; i++) {
    const low = valueWords[i * 2] ?? 0;
    const high = valueWords[i * 2 + 1] ?? 0;
    const slot = slotOf(low, high);
    let index = (slots[slot] ?? 0) - 1;
    if (index === -1) {
      if (distinct === distinctMax || (distinct >= trialValues / 2 && distinct * 2 > i)) return null;
      index = distinct++;
      slots[slot] = distinct;
      words[index * 2] = low;
      words[index * 2 + 1] = high;
    }
    indexes[i] = index;
  }
  return { count: distinct, bytes: new Uint8Array(doubles.buffer, 0, distinct * 8), indexes };
}

// Runs for every value, so it takes plain arguments.
function slotOf(low: number, high: number): number {
  const mask = slots.length - 1;
  const mixed = Math.imul(low ^ Math.imul(high, 0x85ebca6b), 0x9e3779b1);
  let slot = (mixed ^ (mixed >>> 15)) & mask;
  for (;;) {
    const index = (slots[slot] ?? 0) - 1;
    if (index === -1 || (words[index * 2] === low && words[index * 2 + 1] === high)) return slot;
    slot = (slot + 1) & mask;
  }
}
