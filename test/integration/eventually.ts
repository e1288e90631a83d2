import { vi } from 'vitest';

/** Resolves once a question to another system is answered with yes; asked again and again until then. */
export async function until(isMet: () => Promise<boolean>): Promise<void> {
  await vi.waitUntil(isMet, { interval: 50, timeout: 120_000 });
}
