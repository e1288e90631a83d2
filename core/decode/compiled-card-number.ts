/**
 * True for every text of ASCII bytes that `looksLikeCardNumber` calls a card number, and for some that it does not: the
 * groups that cards print are taken for one whatever their digits are. Of 13 to 23 bytes.
 */
export function mayBeCardNumber(view: DataView, start: number, end: number): boolean {
  const length = end - start;
  const first = view.getUint8(start);
  if (first < 0x31 || first > 0x36) return false;
  let sum = 0;
  for (let index = end - 1; index >= start; index -= 1) {
    const digit = view.getUint8(index) - 0x30;
    if (digit === -0x10 || digit === -3) return isGrouped(view, start, end);
    if (digit < 0 || digit > 9) return false;
    const weighted = ((end - index) & 1) === 0 ? digit * 2 : digit;
    sum += weighted > 9 ? weighted - 9 : weighted;
  }
  return length <= 19 && sum % 10 === 0 && (first !== 0x31 || length === 15);
}

/** True when there are digits, spaces and hyphens alone. */
function isGrouped(view: DataView, start: number, end: number): boolean {
  for (let index = start; index < end; index += 1) {
    const byte = view.getUint8(index);
    if (byte !== 0x20 && byte !== 0x2d && (byte < 0x30 || byte > 0x39)) return false;
  }
  return true;
}
