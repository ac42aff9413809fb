// A client of the SDK whose calls are counted, by the name of the operation.

/** Stands in front of a client: `counted.endpoint.create(..)` calls the client and counts `endpoint.create`. */
export function counted(client, tally = new Map(), name = "") {
  return new Proxy(client, {
    get(target, part) {
      const value = target[part];
      const full = name ? `${name}.${part}` : part;
      if (typeof value !== "function") return counted(value, tally, full);
      return (...given) => {
        tally.set(full, (tally.get(full) ?? 0) + 1);
        return value.apply(target, given);
      };
    },
  });
}
