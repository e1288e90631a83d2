// Writes the two example files beside this one, the same bytes every time: `node examples/small/make.ts`.
import { writeFileSync } from 'node:fs';
import { createPaymentsCsv, createShopCsv } from './tables.ts';

writeFileSync(new URL('payments.csv', import.meta.url), createPaymentsCsv());
writeFileSync(new URL('shop.csv', import.meta.url), createShopCsv());
process.stderr.write('wrote examples/small/payments.csv and examples/small/shop.csv\n');
