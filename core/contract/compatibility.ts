import type { ContractsLock } from './contracts-lock.ts';
import {
  type BoundName,
  type ContractShape,
  type FieldShape,
  lowerBounds,
  settingNames,
  upperBounds,
} from './shape.ts';

/** The changes that would refuse an event which the locked contract accepted, or give it another key, id or time. */
export type IncompatibleRule =
  | 'contractRemoved'
  | 'keyChanged'
  | 'idFieldChanged'
  | 'eventTimeFieldChanged'
  | 'fieldRemoved'
  | 'requiredFieldAdded'
  | 'becameRequired'
  | 'typeChanged'
  | 'nullRefused'
  | 'valueRemoved'
  | 'boundTightened'
  | 'patternChanged'
  | 'checkChanged';

/** The changes under which every event that the locked contract accepted is still accepted. */
export type CompatibleRule =
  | 'contractAdded'
  | 'settingChanged'
  | 'nestedChanged'
  | 'labelsChanged'
  | 'optionalFieldAdded'
  | 'becameOptional'
  | 'typeWidened'
  | 'nullAccepted'
  | 'valueAdded'
  | 'boundWidened'
  | 'patternRemoved'
  | 'checkRemoved';

/** One difference between a locked contract and the current one; a side that has nothing there is null. */
export type Change<Rule = IncompatibleRule | CompatibleRule> = {
  readonly topic: string;
  /** A path such as `location.latitude` or `reasonCodes[].code`, empty for the contract as a whole. */
  readonly field: string;
  readonly rule: Rule;
  readonly locked: string | null;
  readonly current: string | null;
};

/** A change that breaks backward compatibility. */
export type Incompatibility = Change<IncompatibleRule>;

/** A change that keeps backward compatibility. */
export type CompatibleChange = Change<CompatibleRule>;

/** The two locks to compare. */
export type Locks = { readonly locked: ContractsLock; readonly current: ContractsLock };

/** What keeps a reader of the current contracts from accepting every event that the locked ones accepted. */
export function compareShapes(locks: Locks): Incompatibility[] {
  return changesBetween(locks).incompatible;
}

/** What changed without breaking a reader of the current contracts. */
export function compatibleChanges(locks: Locks): CompatibleChange[] {
  return changesBetween(locks).compatible;
}

/** What keeps a reader of one set of fields from accepting what a writer of another may write. */
export function compareFieldSets(
  topic: string,
  { writer, reader }: Record<'writer' | 'reader', Readonly<Record<string, FieldShape>>>,
): Incompatibility[] {
  const changes: Changes = { incompatible: [], compatible: [] };
  compareFields({ topic, field: '', locked: writer, current: reader, changes });
  return changes.incompatible;
}

type Changes = { readonly incompatible: Incompatibility[]; readonly compatible: CompatibleChange[] };

/** One place in both locks, and where its changes are collected. */
type Place<Side> = {
  readonly topic: string;
  readonly field: string;
  readonly locked: Side;
  readonly current: Side;
  readonly changes: Changes;
};

function changesBetween({ locked, current }: Locks): Changes {
  const changes: Changes = { incompatible: [], compatible: [] };
  for (const topic of unionOfKeys(locked.contracts, current.contracts)) {
    const before = locked.contracts[topic];
    const after = current.contracts[topic];
    const place = { topic, field: '', changes };
    if (before !== undefined && after !== undefined) compareContracts({ ...place, locked: before, current: after });
    else if (before !== undefined) refuse({ ...place, locked: topic, current: null }, 'contractRemoved');
    else allow({ ...place, locked: null, current: topic }, 'contractAdded');
  }
  return changes;
}

function compareContracts(place: Place<ContractShape>): void {
  const { locked, current } = place;
  const key = { ...place, locked: locked.key, current: current.key };
  if (key.locked !== key.current) refuse(key, 'keyChanged');
  const id = { ...place, locked: locked.idField ?? 'eventId', current: current.idField ?? 'eventId' };
  if (id.locked !== id.current) refuse(id, 'idFieldChanged');
  const time = { ...place, locked: locked.eventTimeField, current: current.eventTimeField };
  if (time.locked !== time.current) refuse(time, 'eventTimeFieldChanged');
  for (const field of settingNames) {
    const setting = { ...place, field, locked: locked.settings[field], current: current.settings[field] };
    if (setting.locked !== setting.current) allow(setting, 'settingChanged');
  }
  const nested = { ...place, locked: locked.nested, current: current.nested };
  if (isChanged(nested)) allow(nested, 'nestedChanged');
  const labels = { ...place, locked: locked.labels, current: current.labels };
  if (isChanged(labels)) allow(labels, 'labelsChanged');
  compareFields({ ...place, locked: locked.fields, current: current.fields });
}

function compareFields(place: Place<Readonly<Record<string, FieldShape>>>): void {
  for (const name of unionOfKeys(place.locked, place.current)) {
    const locked = place.locked[name];
    const current = place.current[name];
    const field = place.field === '' ? name : `${place.field}.${name}`;
    if (locked !== undefined && current !== undefined) compareField({ ...place, field, locked, current });
    else if (locked !== undefined) refuse({ ...place, field, locked: locked.type, current: null }, 'fieldRemoved');
    else if (current !== undefined) reportAdded({ ...place, field, current });
  }
}

function reportAdded(place: Omit<Place<unknown>, 'locked'> & { readonly current: FieldShape }): void {
  const added = { ...place, locked: null, current: place.current.type };
  if (place.current.required) refuse(added, 'requiredFieldAdded');
  else allow(added, 'optionalFieldAdded');
}

function compareField(place: Place<FieldShape>): void {
  const { locked, current } = place;
  const type = { ...place, locked: locked.type, current: current.type };
  const isWidened = locked.type === 'integer' && current.type === 'number';
  if (locked.type !== current.type && !isWidened) return refuse(type, 'typeChanged');
  if (isWidened) allow(type, 'typeWidened');
  comparePresence(place);
  compareValues({ ...place, locked: locked.values ?? null, current: current.values ?? null });
  for (const name of lowerBounds) compareBound(place, name);
  for (const name of upperBounds) compareBound(place, name);
  compareText({ ...place, locked: locked.pattern, current: current.pattern }, 'pattern');
  compareText({ ...place, locked: locked.check, current: current.check }, 'check');
  compareFields({ ...place, locked: locked.fields ?? {}, current: current.fields ?? {} });
  if (locked.items === undefined || current.items === undefined) return;
  compareField({ ...place, field: `${place.field}[]`, locked: locked.items, current: current.items });
}

function comparePresence(place: Place<FieldShape>): void {
  const { locked, current } = place;
  const presence = { ...place, locked: presenceOf(locked), current: presenceOf(current) };
  if (!locked.required && current.required) refuse(presence, 'becameRequired');
  if (locked.required && !current.required) allow(presence, 'becameOptional');
  const nullness = { ...place, locked: nullnessOf(locked), current: nullnessOf(current) };
  if (locked.nullable && !current.nullable) refuse(nullness, 'nullRefused');
  if (!locked.nullable && current.nullable) allow(nullness, 'nullAccepted');
}

function presenceOf({ required }: FieldShape): string {
  return required ? 'required' : 'optional';
}

function nullnessOf({ nullable }: FieldShape): string {
  return nullable ? 'may be null' : 'never null';
}

/** Null stands for any value. */
function compareValues(place: Place<FieldShape['values'] | null>): void {
  const locked = place.locked ?? null;
  const current = place.current ?? null;
  const isRemoved = current !== null && (locked === null || locked.some((value) => !current.includes(value)));
  const isAdded = locked !== null && (current === null || current.some((value) => !locked.includes(value)));
  if (isRemoved) refuse(place, 'valueRemoved');
  if (isAdded) allow(place, 'valueAdded');
}

function compareBound(place: Place<FieldShape>, name: BoundName): void {
  const direction = lowerBounds.some((lower) => lower === name) ? 1 : -1;
  const locked = place.locked.bounds?.[name];
  const current = place.current.bounds?.[name];
  if (locked === current) return;
  const isTightened = current !== undefined && (locked === undefined || (current - locked) * direction > 0);
  const bound = { ...place, locked: boundText(name, locked), current: boundText(name, current) };
  if (isTightened) refuse(bound, 'boundTightened');
  else allow(bound, 'boundWidened');
}

function boundText(name: BoundName, bound: number | undefined): string | null {
  return bound === undefined ? null : `${name} ${bound}`;
}

/** Patterns and named checks cannot be ordered, so any but a removed one may refuse what was accepted. */
function compareText(place: Place<string | undefined>, name: 'pattern' | 'check'): void {
  if (place.locked === place.current) return;
  if (place.current === undefined) allow(place, `${name}Removed`);
  else refuse(place, `${name}Changed`);
}

function isChanged({ locked, current }: { readonly locked: unknown; readonly current: unknown }): boolean {
  return JSON.stringify(locked) !== JSON.stringify(current);
}

function refuse(place: Place<unknown>, rule: IncompatibleRule): void {
  place.changes.incompatible.push(changeAt(place, rule));
}

function allow(place: Place<unknown>, rule: CompatibleRule): void {
  place.changes.compatible.push(changeAt(place, rule));
}

function changeAt<Rule>({ topic, field, locked, current }: Place<unknown>, rule: Rule): Change<Rule> {
  return { topic, field, rule, locked: textOf(locked), current: textOf(current) };
}

function textOf(side: unknown): string | null {
  if (side === null || side === undefined) return null;
  return typeof side === 'string' ? side : JSON.stringify(side);
}

function unionOfKeys(left: object, right: object): string[] {
  return [...new Set([...Object.keys(left), ...Object.keys(right)])];
}
