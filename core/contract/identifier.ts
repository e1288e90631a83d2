import { z } from 'zod';

/**
 * An id: 1 to 128 UTF-16 units of well-formed text without control characters, and not a card number. Ids name events,
 * accounts, cards (by token), merchants and devices.
 */
export const identifier = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'text without control characters')
  .refine((text) => !looksLikeCardNumber(text), 'a token, not a card number')
  .meta({ check: 'notACardNumber' });

/**
 * True for 13 to 19 digits, bare or in the groups printed on cards, whose last digit is the Luhn check digit
 * (ISO/IEC 7812-1, annex B) and whose first is one that cards have: 2 to 6, or 1 for the 15 digits of UATP. So times in
 * milliseconds and padded offsets are none.
 */
export function looksLikeCardNumber(text: string): boolean {
  if (text.length < 13 || text.length > 23 || !cardNumberForm.test(text) || !cardNumberStart.test(text)) return false;
  let sum = 0;
  let isDoubled = false;
  for (let index = text.length - 1; index >= 0; index -= 1) {
    const digit = text.charCodeAt(index) - 48;
    if (digit < 0 || digit > 9) continue;
    const weighted = isDoubled ? digit * 2 : digit;
    sum += weighted > 9 ? weighted - 9 : weighted;
    isDoubled = !isDoubled;
  }
  return sum % 10 === 0;
}

const cardNumberStart = /^([2-6]|1.{14}$)/;
const cardNumberForm = /^(\d{13,19}|\d{4}([ -])\d{4}\2\d{4}\2\d{4}(\2\d{3})?|\d{4}([ -])\d{6}\4\d{5})$/;
