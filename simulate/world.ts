import type { Authorization } from '../core/contract/authorization.ts';
import type { SimulationParameters } from './parameters.ts';
import { chance, openStream, uniform, wholeBelow, type RandomStream } from './random.ts';

/** Somebody who pays: where they live on the map, how much and how often. */
export type Customer = {
  readonly index: number;
  readonly accountId: string;
  readonly cardTokens: readonly string[];
  readonly meanAmountMinor: number;
  readonly paymentsPerDay: number;
  /** The indexes of the terminals within reach, ascending; without any, the customer never pays. */
  readonly terminals: Int32Array;
};

/** A place to pay, with what every payment there has in common. */
export type Terminal = Pick<
  Authorization,
  'terminalId' | 'merchantId' | 'channel' | 'entryMode' | 'mcc' | 'country' | 'location'
>;

/** The unchanging part of the simulation. */
export type World = { readonly customers: readonly Customer[]; readonly terminals: readonly Terminal[] };

type Place = { readonly x: number; readonly y: number };
type Shop = Pick<Authorization, 'merchantId' | 'channel' | 'mcc' | 'country'>;

/** Makes the customers and terminals of a seed; customer 17 is the same however many there are. */
export function createWorld(parameters: SimulationParameters): World {
  const places = Array.from({ length: parameters.terminals }, (_, index) =>
    drawPlace(openStream({ seed: parameters.seed, name: 'terminalPlace', indexes: [index] }), parameters),
  );
  const grid = buildGrid(places, parameters);
  return {
    customers: Array.from({ length: parameters.customers }, (_, index) => createCustomer(index, parameters, grid)),
    terminals: places.map((place, index) => createTerminal(index, place, parameters)),
  };
}

function drawPlace(random: RandomStream, { mapSize }: SimulationParameters): Place {
  return { x: uniform(random, { from: 0, to: mapSize }), y: uniform(random, { from: 0, to: mapSize }) };
}

function createCustomer(index: number, parameters: SimulationParameters, grid: Grid): Customer {
  const random = openStream({ seed: parameters.seed, name: 'customer', indexes: [index] });
  const place = drawPlace(random, parameters);
  const meanAmountMinor = uniform(random, { from: parameters.meanAmountMinorMin, to: parameters.meanAmountMinorMax });
  const paymentsPerDay = uniform(random, { from: 0, to: parameters.paymentsPerDayMax });
  const cards = chance(random, parameters.secondCardRate) ? 2 : 1;
  const number = padNumber(index);
  return {
    index,
    accountId: `acct-${number}`,
    cardTokens: Array.from({ length: cards }, (_, card) => `card-${number}-${card + 1}`),
    meanAmountMinor,
    paymentsPerDay,
    terminals: findTerminalsNear(grid, place),
  };
}

function createTerminal(index: number, place: Place, parameters: SimulationParameters): Terminal {
  const shop = createShop(Math.floor(index / parameters.terminalsPerMerchant), parameters);
  const random = openStream({ seed: parameters.seed, name: 'terminal', indexes: [index] });
  const isPhysical = shop.channel === 'cardPresent' || shop.channel === 'atm';
  return {
    terminalId: `term-${padNumber(index)}`,
    ...shop,
    entryMode: pickWeighted(random, entryModes[shop.channel]),
    ...(isPhysical ? { location: toLocation(place, parameters) } : {}),
  };
}

function createShop(index: number, { seed }: SimulationParameters): Shop {
  const random = openStream({ seed, name: 'merchant', indexes: [index] });
  const channel = pickWeighted(random, channels);
  const codes = categoryCodes[channel];
  return {
    merchantId: `merch-${padNumber(index)}`,
    channel,
    mcc: codes[wholeBelow(random, codes.length)] ?? '5999',
    country: pickWeighted(random, countries),
  };
}

type Weighted<Value> = readonly { readonly value: Value; readonly share: number }[];

const channels: Weighted<Authorization['channel']> = [
  { value: 'cardPresent', share: 0.8 },
  { value: 'ecommerce', share: 0.13 },
  { value: 'atm', share: 0.03 },
  { value: 'recurring', share: 0.02 },
  { value: 'moto', share: 0.02 },
];

const entryModes: Readonly<Record<Authorization['channel'], Weighted<Authorization['entryMode']>>> = {
  cardPresent: [
    { value: 'contactless', share: 0.6 },
    { value: 'chip', share: 0.38 },
    { value: 'magstripe', share: 0.02 },
  ],
  ecommerce: [
    { value: 'manual', share: 0.6 },
    { value: 'credentialOnFile', share: 0.4 },
  ],
  atm: [{ value: 'chip', share: 1 }],
  recurring: [{ value: 'credentialOnFile', share: 1 }],
  moto: [{ value: 'manual', share: 1 }],
};

const categoryCodes: Readonly<Record<Authorization['channel'], readonly string[]>> = {
  cardPresent: ['5411', '5812', '5814', '5541', '5912', '5651', '5732', '5999'],
  ecommerce: ['5815', '5945', '5691', '5732', '4722', '7995'],
  atm: ['6011'],
  recurring: ['4899', '4900', '5968'],
  moto: ['5969', '7011', '7922'],
};

const countries: Weighted<string> = [
  { value: 'BE', share: 0.9 },
  { value: 'NL', share: 0.04 },
  { value: 'FR', share: 0.03 },
  { value: 'DE', share: 0.02 },
  { value: 'LU', share: 0.01 },
];

function pickWeighted<Value>(random: RandomStream, choices: Weighted<Value>): Value {
  let left = random();
  for (const { value, share } of choices) {
    left -= share;
    if (left < 0) return value;
  }
  const last = choices.at(-1);
  if (last === undefined) throw new Error('got no choices, expected at least one');
  return last.value;
}

/** The square map lies over Belgium, with some of its neighbours: 0.02 degrees of latitude a unit of the usual map. */
function toLocation({ x, y }: Place, { mapSize }: SimulationParameters): { latitude: number; longitude: number } {
  return { latitude: roundDegrees(49.5 + (2 * y) / mapSize), longitude: roundDegrees(2.5 + (4 * x) / mapSize) };
}

function roundDegrees(degrees: number): number {
  return Math.round(degrees * 10_000) / 10_000;
}

function padNumber(index: number): string {
  return String(index).padStart(5, '0');
}

/** Terminals by square cells as wide as the reach, so that only a customer's own cell and its 8 neighbours are searched. */
type Grid = {
  readonly places: readonly Place[];
  readonly reach: number;
  readonly cells: ReadonlyMap<string, readonly number[]>;
};

function buildGrid(places: readonly Place[], { terminalDistanceMax }: SimulationParameters): Grid {
  const cells = new Map<string, number[]>();
  for (const [index, { x, y }] of places.entries()) {
    const cell = `${Math.floor(x / terminalDistanceMax)}/${Math.floor(y / terminalDistanceMax)}`;
    const members = cells.get(cell);
    if (members === undefined) cells.set(cell, [index]);
    else members.push(index);
  }
  return { places, reach: terminalDistanceMax, cells };
}

function findTerminalsNear({ places, reach, cells }: Grid, { x, y }: Place): Int32Array {
  const found: number[] = [];
  for (let row = -1; row <= 1; row += 1) {
    for (let column = -1; column <= 1; column += 1) {
      const members = cells.get(`${Math.floor(x / reach) + column}/${Math.floor(y / reach) + row}`) ?? [];
      for (const index of members) {
        const place = places[index];
        if (place === undefined) continue;
        const [apartX, apartY] = [place.x - x, place.y - y];
        if (apartX * apartX + apartY * apartY < reach * reach) found.push(index);
      }
    }
  }
  return Int32Array.from(found).sort();
}
