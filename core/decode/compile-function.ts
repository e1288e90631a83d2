/**
 * Makes a function of generated code: the body of a function that gets the tools by name and returns the one wanted. The
 * code must be built from contracts alone (names quoted as JSON, limits as numbers), never from input.
 */
export function compileFunction<Wanted>(
  body: string,
  tools: Readonly<Record<string, unknown>>,
  isWanted: (made: unknown) => made is Wanted,
): Wanted {
  // oxlint-disable-next-line typescript/no-implied-eval -- code for one contract is what makes reading fast, and no input reaches it
  const create: unknown = new Function(...Object.keys(tools), `'use strict';\n${body}`);
  if (typeof create !== 'function') throw new Error('got no function, expected one that makes a function');
  const made: unknown = Reflect.apply(create, undefined, Object.values(tools));
  if (!isWanted(made)) throw new Error('got something else than the function that the generated code returns');
  return made;
}
