/**
 * A source of numbers in [0, 1) with 32 bits each. It and everything below use integer operations, + - * / and square
 * roots only, which every machine computes alike; `Math.log` and `Math.exp` may differ in the last digit.
 */
export type RandomStream = () => number;

/** What a stream is for: streams of different names or indexes are independent of each other. */
export type StreamName = { readonly seed: number; readonly name: string; readonly indexes?: readonly number[] };

/**
 * The stream of a name: the same name gives the same numbers on any machine. The generator is sfc32 of PractRand
 * (https://pracrand.sourceforge.net), its state hashed from the name.
 */
export function openStream({ seed, name, indexes = [] }: StreamName): RandomStream {
  let [a, b, c, counter] = hashName([seed, ...Buffer.from(name), ...indexes]);
  const next = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let round = 0; round < 12; round += 1) next();
  return next;
}

/** A number in [from, to). */
export function uniform(random: RandomStream, { from, to }: { readonly from: number; readonly to: number }): number {
  return from + (to - from) * random();
}

/** A whole number in [0, below). */
export function wholeBelow(random: RandomStream, below: number): number {
  return Math.floor(random() * below);
}

/** True in a share `rate` of the draws. */
export function chance(random: RandomStream, rate: number): boolean {
  return random() < rate;
}

/** A normally distributed number, by Marsaglia's polar method (https://en.wikipedia.org/wiki/Marsaglia_polar_method). */
export function normal(
  random: RandomStream,
  { mean, deviation }: { readonly mean: number; readonly deviation: number },
): number {
  for (;;) {
    const x = 2 * random() - 1;
    const y = 2 * random() - 1;
    const square = x * x + y * y;
    if (square > 0 && square < 1) return mean + deviation * x * Math.sqrt((-2 * logarithm(square)) / square);
  }
}

/** A Poisson distributed count: the exponential waiting times that fit into `mean`. Takes O(mean). */
export function poisson(random: RandomStream, mean: number): number {
  let waited = 0;
  for (let count = 0; ; count += 1) {
    waited -= logarithm(1 - random());
    if (waited > mean) return count;
  }
}

/** `count` different whole numbers in [0, total), or all of them when there are fewer; in the order drawn. */
export function pickDistinct(
  random: RandomStream,
  { count, total }: { readonly count: number; readonly total: number },
): readonly number[] {
  const picked = new Set<number>();
  while (picked.size < Math.min(count, total)) picked.add(wholeBelow(random, total));
  return [...picked];
}

/** The natural logarithm of a positive number, the same to the last digit on any machine; off by some 1e-16 relative. */
export function logarithm(value: number): number {
  let mantissa = value;
  let exponent = 0;
  while (mantissa > Math.SQRT2) {
    mantissa /= 2;
    exponent += 1;
  }
  while (mantissa < Math.SQRT1_2) {
    mantissa *= 2;
    exponent -= 1;
  }
  // ln(m) = 2 artanh(s) with s = (m - 1) / (m + 1), |s| < 0.172: eleven terms reach the last digit of a double.
  const s = (mantissa - 1) / (mantissa + 1);
  let series = 0;
  for (let power = 21; power >= 1; power -= 2) series = series * s * s + 1 / power;
  return 2 * s * series + exponent * Math.LN2;
}

/** Four words of state from any numbers: bryc's cyrb128 (https://github.com/bryc/code), over words. */
function hashName(parts: readonly number[]): [number, number, number, number] {
  let [a, b, c, d] = [1779033703, 3144134277, 1013904242, 2773480762];
  const mix = (word: number): void => {
    a = b ^ Math.imul(a ^ word, 597399067);
    b = c ^ Math.imul(b ^ word, 2869860233);
    c = d ^ Math.imul(c ^ word, 951274213);
    d = a ^ Math.imul(d ^ word, 2716044179);
  };
  for (const part of parts) {
    mix(part | 0);
    mix(Math.floor(part / 2 ** 32) | 0);
  }
  const first = Math.imul(c ^ (a >>> 18), 597399067);
  const second = Math.imul(d ^ (b >>> 22), 2869860233);
  const third = Math.imul(first ^ (c >>> 17), 951274213);
  const fourth = Math.imul(second ^ (d >>> 19), 2716044179);
  return [first ^ second ^ third ^ fourth, second ^ first, third ^ first, fourth ^ first];
}
