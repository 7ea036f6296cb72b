// SPDX-License-Identifier: Apache-2.0
// What gateways are called, and what was learnt of each: asked once for all views, anew after a minute.
import { useEffect, useState } from "preact/hooks";
import { apiAddress, ask } from "./api";
import type { Gateway, GatewayList } from "./wire";

const freshMs = 60000;

export interface GatewayBook {
  /** The inventory's name of a MAC, tunnel end or address; itself where none is given. */
  name: (instance: string) => string;
  /** What was learnt of it between two taps. */
  profile: (instance: string, fromTap: string, toTap: string) => Gateway | undefined;
}

const address = (one: Gateway) => one.known_by.split(" ").pop() ?? "";

function bookOf(list: GatewayList): GatewayBook {
  const names = new Map([...list.gateways.filter((one) => one.name).map((one) => [address(one), one.name] as const), ...(list.inventory ?? []).map((one) => [one.address, one.name] as const)]);
  const profiles = new Map(list.gateways.map((one) => [`${address(one)}|${one.from_tap}|${one.to_tap}`, one]));
  return { name: (instance) => names.get(instance) || instance, profile: (...key) => profiles.get(key.join("|")) };
}

let book = bookOf({ gateways: [], partial: "" });
let askedMs = -freshMs;
const listeners = new Set<(book: GatewayBook) => void>();

export function useGatewayBook(): GatewayBook {
  const [now, setNow] = useState(book);
  useEffect(() => {
    listeners.add(setNow);
    setNow(book);
    if (performance.now() - askedMs >= freshMs) {
      askedMs = performance.now();
      ask<GatewayList>(apiAddress("gateways")).then((list) => {
        book = bookOf(list);
        listeners.forEach((listener) => listener(book));
      }, () => void (askedMs = -freshMs)); // names are a courtesy: the view stands without them
    }
    return () => void listeners.delete(setNow);
  }, []);
  return now;
}
