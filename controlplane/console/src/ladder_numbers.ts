// SPDX-License-Identifier: Apache-2.0
// What sequence numbers count from at each tap: the first of the stream as written there, told by its SYN, else by the links' deltas
// from a tap that saw more, else by the first packet seen. Proxies begin connections of their own: nothing is carried across them.
import type { Leg, Link } from "./wire";

export interface Bases {
  base: Uint32Array; // of each tap and direction (tap * 2 + toServer)
  home: Uint32Array; // that at the first tap of the same connection: what a normalised number counts from
}

const flowOf = (leg: Leg, toServer: number) => (toServer ? leg.to_server : leg.to_client);

/** `firstSeen`: the first sequence number that a column has in a direction. */
export function basesOf(columns: Leg[], path: { legs: Leg[]; links: Link[] } | undefined, firstSeen: (column: number, toServer: number) => number | undefined): Bases {
  const legs = path?.legs ?? columns, column = legs.map((leg) => columns.findIndex((one) => one.leg_id === leg.leg_id));
  const link = legs.map((_, i) => path?.links.find((one) => one.to === i && one.from === i - 1));
  let connection = 0;
  const connections = legs.map((_, i) => (i > 0 && (!link[i] || link[i]!.kind === "relay") ? ++connection : connection));
  const result: Bases = { base: new Uint32Array(columns.length * 2), home: new Uint32Array(columns.length * 2) };
  for (const toServer of [0, 1]) {
    const known = legs.map((leg) => flowOf(leg, toServer)?.isn);
    const carry = (from: number, to: number) => {
      const over = link[Math.max(from, to)];
      if (!over || connections[from] !== connections[to] || known[from] === undefined || known[to] !== undefined) return;
      const delta = (toServer ? over.delta_to_server : over.delta_to_client) ?? 0;
      known[to] = (known[from]! + (to > from ? delta : -delta)) >>> 0;
    };
    const spread = () => {
      for (let i = 1; i < legs.length; ++i) carry(i - 1, i);
      for (let i = legs.length - 1; i > 0; --i) carry(i, i - 1);
    };
    spread();
    legs.forEach((_, i) => {
      if (known[i] !== undefined || column[i] < 0) return;
      known[i] = firstSeen(column[i], toServer);
      spread();
    });
    legs.forEach((_, i) => {
      if (column[i] < 0) return;
      const home = connections.findIndex((one, n) => one === connections[i] && column[n] >= 0);
      result.base[column[i] * 2 + toServer] = known[i] ?? 0;
      result.home[column[i] * 2 + toServer] = known[home] ?? known[i] ?? 0;
    });
  }
  return result;
}

/** What each tap's windows are shifted by (tap * 2 + toServer); -1: not known, since not both SYNs were seen there. */
export function scalesOf(columns: Leg[], path: { legs: Leg[] } | undefined): Int8Array {
  const scales = new Int8Array(columns.length * 2).fill(-1);
  columns.forEach((one, j) => {
    const leg = path?.legs.find((other) => other.leg_id === one.leg_id);
    for (const toServer of [0, 1]) scales[j * 2 + toServer] = (leg && flowOf(leg, toServer)?.window_scale) ?? -1;
  });
  return scales;
}
