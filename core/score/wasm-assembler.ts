/**
 * WebAssembly instructions as bytes. An expression is the bytes that leave its value on the stack, so that a module
 * reads like its text format, operands inside operators (https://webassembly.github.io/spec/core/binary/).
 */
export type Code = readonly number[];

/** The value types that locals have. */
export const valueTypes = { i32: 0x7f, f32: 0x7d, v128: 0x7b } as const;

/** One of `valueTypes`. */
export type ValueType = (typeof valueTypes)[keyof typeof valueTypes];

/** A variable of the function, by index; parameters come first. */
export type Local = {
  readonly get: Code;
  readonly set: (value: Code) => Code;
  /** Sets it and leaves the value. */
  readonly tee: (value: Code) => Code;
};

/** The local of an index. */
export function localAt(index: number): Local {
  return {
    get: [0x20, ...unsigned(index)],
    set: (value) => [...value, 0x21, ...unsigned(index)],
    tee: (value) => [...value, 0x22, ...unsigned(index)],
  };
}

/** A 32-bit constant. */
export function i32(value: number): Code {
  return [0x41, ...signed(value)];
}

/** Operators of the 32-bit integers. */
export const i32Add = binary(0x6a);
export const i32Subtract = binary(0x6b);
export const i32Multiply = binary(0x6c);
export const i32And = binary(0x71);
export const i32Xor = binary(0x73);
export const i32ShiftRight = binary(0x76);
export const i32LessThan = binary(0x49);

/** Comparisons of 32-bit floats: 1 or 0, and 0 for `>=` when either is no number. */
export const f32GreaterOrEqual = binary(0x60);
export const f32NotEqual = binary(0x5c);

/** Operators of the sixteen bytes, or two 64-bit floats, of a vector. */
export const i8x16GreaterThan = binary(0xfd, 0x27);
export const i8x16Add = binary(0xfd, 0x6e);
export const i8x16Subtract = binary(0xfd, 0x71);
export const f64x2Add = binary(0xfd, 0xf0, 0x01);
export const v128And = binary(0xfd, 0x4e);

/** Loads from an address that is a value plus a constant. */
export const i32Load = load(0x28);
export const i32Load8 = load(0x2d);
export const i32Load16 = load(0x2f);
export const f32Load = load(0x2a);
export const v128Load = load(0xfd, 0x00);
export const i8x16LoadSplat = load(0xfd, 0x07);

/** Stores to an address that is a value plus a constant. */
export const i32Store8 = store(0x3a);
export const v128Store = store(0xfd, 0x0b);

/** The same byte sixteen times. */
export function i8x16Splat(value: number): Code {
  return [0xfd, 0x0c, ...Array.from({ length: 16 }, () => value & 0xff)];
}

/** Bit for bit, `ones` where the mask is 1 and `zeros` where it is 0. */
export function v128Select({ mask, ones, zeros }: { mask: Code; ones: Code; zeros: Code }): Code {
  return [...ones, ...zeros, ...mask, 0xfd, 0x52];
}

/** One value if the condition is not 0, else the other; both are computed. */
export function select({ condition, whenTrue, whenFalse }: { condition: Code; whenTrue: Code; whenFalse: Code }): Code {
  return [...whenTrue, ...whenFalse, ...condition, 0x1b];
}

/** Runs the body, then again as long as the condition is not 0. */
export function repeatWhile(condition: Code, body: Code): Code {
  return [0x03, 0x40, ...body, ...condition, 0x0d, 0x00, 0x0b];
}

/** A function of 32-bit parameters without a result; the locals come after the parameters. */
export type WasmFunction = {
  readonly name: string;
  readonly parameters: number;
  readonly locals: readonly { readonly count: number; readonly type: ValueType }[];
  readonly body: Code;
};

/** The bytes of a module that exports one function, and its memory as `memory`. */
export function assembleModule(wasmFunction: WasmFunction, memoryPages: number): Uint8Array<ArrayBuffer> {
  const { name, parameters, locals, body } = wasmFunction;
  const type = [0x60, ...list(Array.from({ length: parameters }, () => [valueTypes.i32])), 0x00];
  const code = [...list(locals.map(({ count, type: local }) => [...unsigned(count), local])), ...body, 0x0b];
  const exports = [
    [...text(name), 0x00, 0x00],
    [...text('memory'), 0x02, 0x00],
  ];
  return Uint8Array.from([
    ...magicAndVersion,
    ...section(1, [type]),
    ...section(3, [[0x00]]),
    ...section(5, [[0x01, ...unsigned(memoryPages), ...unsigned(memoryPages)]]),
    ...section(7, exports),
    ...section(10, [[...unsigned(code.length), ...code]]),
  ]);
}

const magicAndVersion: Code = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

function binary(...operator: readonly number[]): (left: Code, right: Code) => Code {
  return (left, right) => [...left, ...right, ...operator];
}

/** Nothing is said about alignment (0): it is a hint, and any address is allowed. */
function load(...operator: readonly number[]): (address: Code, offset: number) => Code {
  return (address, offset) => [...address, ...operator, 0x00, ...unsigned(offset)];
}

function store(...operator: readonly number[]): (address: Code, offset: number, value: Code) => Code {
  return (address, offset, value) => [...address, ...value, ...operator, 0x00, ...unsigned(offset)];
}

function section(id: number, items: readonly Code[]): Code {
  const content = list(items);
  return [id, ...unsigned(content.length), ...content];
}

function list(items: readonly Code[]): Code {
  return [...unsigned(items.length), ...items.flat()];
}

function text(value: string): Code {
  const bytes = new TextEncoder().encode(value);
  return [...unsigned(bytes.length), ...bytes];
}

/** LEB128: seven bits a byte, lowest first (https://en.wikipedia.org/wiki/LEB128). */
function unsigned(value: number): Code {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  return [...bytes, rest];
}

function signed(value: number): Code {
  const bytes: number[] = [];
  let rest = value;
  while (rest < -64 || rest > 63) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>= 7;
  }
  return [...bytes, rest & 0x7f];
}
