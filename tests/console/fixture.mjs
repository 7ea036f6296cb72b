// SPDX-License-Identifier: Apache-2.0
// What the console is tested on: corpora of clew-sim that begin a minute ago, a sensor that reads them, clew-control with its
// store. Real programs only; everything is in one folder and ends with stop().
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const library = process.env.CLEW_CHDB ?? "/usr/local/lib/clew/libchdb.so";
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** Asks until the condition gives something true; fails with its last words. */
export async function eventually(condition, what, seconds = 30) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const result = await condition();
    if (result) return result;
    if (Date.now() > end) throw new Error(`not within ${seconds} s: ${what}`);
    await sleep(200);
  }
}

/** A region with several instances a gateway, one of them 4 ms slow; losses; connections that nobody answers; ways back over other taps; two taps whose
 * clocks are 15 milliseconds apart, each with a sensor of its own. */
const corpora = [
  { name: "nat", classes: "chain-4", connections: 500, seed: 7, slow: true },
  { name: "mixed", classes: "snat+delta+dnat,snat+relay-v2+dnat,dns,icmp,refused,scan", connections: 160, seed: 8, conditions: "network-loss" },
  { name: "ways", classes: "chain-4", connections: 60, seed: 11, conditions: "asymmetric" },
  { name: "skew", classes: "snat", connections: 200, seed: 9, conditions: "clocks", clocks: true },
];

/** What the control plane's inventory names. */
export const namedGateway = { name: "edge-two", address: "02:00:5e:01:00:02" };

export class Fixture {
  constructor(build) {
    this.build = build;
    this.directory = mkdtempSync(join(tmpdir(), "clew-console-"));
    this.children = {};
    this.corpora = corpora;
  }

  program(name) {
    return join(this.build, name);
  }

  simulate() {
    this.startNs = (BigInt(Date.now()) - 60000n) * 1000000n;
    this.taps = [];
    for (const one of this.corpora) {
      const folder = join(this.directory, one.name);
      const words = ["--class", one.classes, "--connections", one.connections, "--rate", one.connections / 40, "--seed", one.seed, "--start-ns", this.startNs, "-o", folder];
      if (one.slow) words.push("--slow-ns", 4000000);
      if (one.conditions) words.push("--condition", one.conditions);
      const done = spawnSync(this.program("tests/clew-sim"), words.map(String), { encoding: "utf8" });
      if (done.status !== 0) throw new Error(`clew-sim: ${done.stderr}`);
      const region = JSON.parse(readFileSync(join(folder, "region.json"), "utf8"));
      const names = readdirSync(folder).filter((file) => file.endsWith(".pcap"));
      for (const file of names) this.taps.push({ name: `${one.name}-${file.replace(".pcap", "")}`, file: join(folder, file), alone: !!one.clocks });
      this.region = region;
    }
  }

  start(name, program, words) {
    const child = spawn(this.program(program), words, { stdio: ["ignore", "ignore", "pipe"] });
    this.children[name] = child;
    child.said = "";
    child.stderr.on("data", (text) => (child.said += text));
    return eventually(() => {
      if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}: ${child.said}`);
      return /^ready:.*$/m.exec(child.said)?.[0];
    }, `${program} is ready: ${child.said}`);
  }

  /** A store of its own, for who asks it directly; else the control plane starts one. */
  async startStore() {
    const ready = await this.start("store", "bin/clew-store", ["--directory", join(this.directory, "store"), "--library", library]);
    this.storeUrl = /http:\S+/.exec(ready)[0];
  }

  async startControl() {
    const config = join(this.directory, "control.yaml");
    const wire = `ipc://${this.directory}/wire.sock`;
    writeFileSync(config, `program: control\nwire: {endpoint: '${wire}'}\napi: {port: 0}\n` +
      `gateways: [{name: ${namedGateway.name}, address: '${namedGateway.address}'}]\n` +
      (this.storeUrl ? `store: {url: '${this.storeUrl}'}\n` : `store: {directory: '${this.directory}/store', memory_bytes_max: 1073741824}\n`));
    const ready = await this.start("control", "bin/clew-control", ["--config", config]);
    this.url = /http:\S+/.exec(ready)[0];
    this.wire = wire;
  }

  /** One for all taps of one clock, and one for each tap that has its own. */
  async startSensors() {
    await this.startSensor("sensor", "region", this.taps.filter((tap) => !tap.alone), 256);
    for (const tap of this.taps.filter((tap) => tap.alone)) await this.startSensor(tap.name, tap.name, [tap], 160);
  }

  async startSensor(name, clock, read, megabytes) {
    const taps = read.map((tap) => `  - {name: ${tap.name}, source: "pcap:${tap.file}"}`).join("\n");
    const config = join(this.directory, `${name}.yaml`), large = megabytes > 200;
    writeFileSync(config, `program: sensor\nobserver: console-${name}\nclock: ${clock}\ntaps:\n${taps}\nworkers: 1\nleg_count_max: ${large ? 65536 : 16384}\n` +
      `header_count_max: ${large ? 524288 : 65536}\nmemory: {huge_pages: never, mb: ${megabytes}}\ncontrol: {endpoint: '${this.wire}'}\n` +
      `vault: {directory: '${this.directory}/vault-${name}', bytes_max: 268435456}\nspool: {directory: '${this.directory}/spool-${name}', bytes_max: 268435456}\n`);
    await this.start(name, "tests/console_feed", [config]);
  }

  async begin() {
    mkdirSync(this.directory, { recursive: true });
    this.simulate();
    await this.startControl();
    await this.startSensors();
    const wanted = this.corpora[0].connections;
    await eventually(async () => {
      const list = await this.get(`paths?since_ns=${this.startNs}&limit=10000&filter=path.hops%20%3D%3D%205`);
      return list.paths.length >= wanted * 0.98;
    }, `${wanted} whole paths are stored`, 180);
  }

  async get(what) {
    const response = await fetch(`${this.url}/api/v1/${what}`);
    const body = await response.json();
    if (!response.ok) throw new Error(`${what}: ${response.status} ${body.error}`);
    return body;
  }

  async end(name) {
    const child = this.children[name];
    if (!child || child.exitCode !== null) return;
    delete this.children[name];
    const ended = new Promise((done) => child.once("exit", done));
    child.kill("SIGTERM");
    await Promise.race([ended, sleep(15000).then(() => child.kill("SIGKILL"))]);
  }

  async endSensors() {
    for (const name of Object.keys(this.children)) if (!["control", "store"].includes(name)) await this.end(name);
  }

  async stop() {
    await this.endSensors();
    for (const name of ["control", "store"]) await this.end(name);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Why the console cannot be tested here; empty when it can. */
export function reasonToSkip(build, chromium, modules) {
  if (!existsSync(chromium)) return `${chromium} is not there: './dev setup' installs Chromium`;
  if (!existsSync(library)) return `${library} is not there: './dev setup' fetches it`;
  if (!existsSync(join(build, "share/clew/console/index.html"))) return "the console was not built: './dev build' says why";
  for (const name of ["playwright-core", "axe-core"])
    if (!existsSync(join(modules, name))) return `npm's ${name} is not there: './dev build' fetches it`;
  return "";
}
