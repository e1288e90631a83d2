import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';
import { WeirError } from '../../core/contract/failure.ts';

const run = promisify(execFile);
const program = '/usr/bin/chromium';
const outputBytesMax = 64 * 1024 * 1024;
const flags = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/**
 * Draws a page of HTML in Chromium (Debian's package; as root it is installed the first time) and writes it as a picture
 * of its whole height. What the page writes to its console as an error, or throws, is an error here. Throws
 * `ENGINE_MISSING`.
 */
export async function drawPage(html: string, to: { readonly path: string; readonly width: number }): Promise<void> {
  await demand();
  const profile = mkdtempSync(join(tmpdir(), 'weir-chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: program,
    headless: true,
    chromiumSandbox: false,
    args: flags,
    viewport: { width: to.width, height: 800 },
    deviceScaleFactor: 1,
  });
  try {
    const page = await context.newPage();
    const errors: string[] = [];
    page.on('console', (message) => (message.type() === 'error' ? errors.push(message.text()) : undefined));
    page.on('pageerror', (error) => errors.push(error.message));
    await page.setContent(html, { waitUntil: 'load' });
    await page.screenshot({ path: to.path, fullPage: true });
    if (errors.length > 0) throw new Error(`got errors in the page, expected none: ${errors.join('; ')}`);
  } finally {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  }
}

async function demand(): Promise<void> {
  if (existsSync(program)) return;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  try {
    await run('apt-get', ['update'], { env });
    const install = ['install', '-y', '--no-install-recommends', 'chromium', 'fonts-dejavu-core'];
    await run('apt-get', install, { env, maxBuffer: outputBytesMax });
  } catch (cause) {
    throw new WeirError({
      code: 'ENGINE_MISSING',
      message: `got no program ${program}, expected Chromium`,
      fix: 'Install it, such as by: apt-get install chromium',
      cause,
    });
  }
}
