/** Writes the bytes that lower-case hexadecimal characters stand for, two a byte, from `bytes[at]` on. */
export function writeHex(bytes: Uint8Array, at: number, characters: string): void {
  for (let index = 0; index < characters.length; index += 2) {
    bytes[at + index / 2] = (digitOf(characters, index) << 4) | digitOf(characters, index + 1);
  }
}

function digitOf(characters: string, index: number): number {
  const code = characters.charCodeAt(index);
  return code < codeOfA ? code - codeOf0 : code - codeOfA + 10;
}

const codeOf0 = 48;
const codeOfA = 97;
