// What answers are compared with.

import assert from "node:assert/strict";

export const same = assert.deepStrictEqual;

export function holds(names, ...expected) {
  for (const name of expected) assert(names.includes(name), `${name} is missing in ${names}`);
}

export function lacks(names, name) {
  assert(!names.includes(name), `${name} is in ${names}`);
}

export function matches(id, prefix) {
  assert.match(id, new RegExp(`^${prefix}[A-Za-z0-9+/=]+$`));
}

/** Moments of the last minutes. */
export function justNow(...moments) {
  for (const moment of moments) assert(Math.abs(Date.now() - moment.getTime()) < 300_000, String(moment));
}

/** The call is refused with this status, a code and words. */
export async function refused(status, call) {
  const error = await thrown(call);
  same([error.constructor.name, error.code], ["ApiException", status]);
  // The SDK leaves the body of a 5xx unread.
  const said = status < 500 ? error.body : JSON.parse(error.body);
  assert(said.code && said.detail, JSON.stringify(said));
}

/** The call is refused with 422, and one fault lies in this place. */
export async function misfit(place, call) {
  const error = await thrown(call);
  same([error.constructor.name, error.code], ["ApiException", 422]);
  holds(error.body.detail.map((fault) => fault.loc.join(".")), place);
  for (const fault of error.body.detail) assert(fault.msg && fault.type, JSON.stringify(fault));
}

export async function thrown(call) {
  try {
    await call();
  } catch (error) {
    return error;
  }
  throw new Error(`nothing was thrown by ${call}`);
}

/** What `look` finds as soon as it finds anything. */
export async function eventually(look, soon = 30_000) {
  const deadline = Date.now() + soon;
  for (;;) {
    const found = await look();
    if (Array.isArray(found) ? found.length > 0 : found) return found;
    assert(Date.now() < deadline, "nothing was found in time");
    await new Promise((later) => setTimeout(later, 20));
  }
}

/** The names of all items in order, page by page; then back from the last page, where the same must be seen. */
export async function bothWays(listing, name, limit = 2) {
  const pages = [];
  let iterator, back;
  for (let done = false; !done; ) {
    const page = await listing({ limit, iterator });
    pages.push(page.data.map(name));
    ({ iterator, done, prevIterator: back } = page);
    assert(pages.length < 100, "the iterator goes in circles");
  }
  const ahead = pages.slice(0, -1).flat();
  let behind = [];
  while (behind.length < ahead.length) {
    const page = await listing({ limit, iterator: back });
    behind = [...page.data.map(name), ...behind];
    back = page.prevIterator;
    same(page.done, behind.length >= ahead.length);
  }
  same(behind, ahead);
  return pages.flat();
}
