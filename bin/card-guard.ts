import { looksLikeCardNumber } from '../core/contract/identifier.ts';

/** Puts `[card number]` in the place of everything that looks like a card number: the last gate before anything is printed. */
export function hideCardNumbers(text: string): string {
  return text.replaceAll(digitRuns, (digits) => (looksLikeCardNumber(digits) ? '[card number]' : digits));
}

/** Digits with single blanks or hyphens between them, as long as a card number, with no letter or digit beside them. */
const digitRuns = /(?<![0-9A-Za-z.])\d(?:[ -]?\d){12,18}(?![0-9A-Za-z])/g;
