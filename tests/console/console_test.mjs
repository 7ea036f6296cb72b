// SPDX-License-Identifier: Apache-2.0
// The console, driven: search → path → why linked → ladder; facets; the slow instance first on the home page; Trust when a
// sensor is gone; Chinese; the budgets. `--looks all` takes every screen in every size and theme and in Chinese (else each size and theme once),
// `--screens DIR` keeps screenshots of them.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { parseArgs } from "node:util";
import { Browser, chromium, downloaded, framesOf } from "./browser.mjs";
import { eventually, Fixture, namedGateway, reasonToSkip } from "./fixture.mjs";

const options = parseArgs({ options: { build: { type: "string" }, looks: { type: "string", default: "dark-1366,light-2560" }, screens: { type: "string" } } }).values;
const build = resolve(options.build ?? "build/release");
const modules = resolve(import.meta.dirname ?? new URL(".", import.meta.url).pathname, "../../controlplane/console/node_modules");
const firstLoadBytesMax = 350 * 1024;
const awaySecondsMax = 10;
const secondsMax = 840;  // of a busy machine; a quiet one takes a tenth
const looks = [["dark-1366", 1366, 768], ["light-2560", 2560, 1440], ["light-1366", 1366, 768], ["dark-2560", 2560, 1440], ["zh-1366", 1366, 768]].filter(([look]) => options.looks === "all" || options.looks.split(",").includes(look));

const reason = reasonToSkip(build, chromium, modules);
if (reason) {
  console.log(`SKIPPED, NOTHING OF THE CONSOLE WAS TESTED: ${reason}`);
  process.exit(77);
}

if (options.screens) mkdirSync(options.screens, { recursive: true });

test("the console", { timeout: secondsMax * 1000 }, async (t) => {
  const fixture = new Fixture(build);
  t.after(() => fixture.stop());
  await fixture.begin();
  const browser = await Browser.open(fixture.url, modules);
  t.after(() => browser.close());
  const since = String(fixture.startNs);
  const at = (path, query = {}) => `${fixture.url}${path}?${new URLSearchParams({ since, ...query })}`;
  const slowPath = (await fixture.get(`gateway_groups?since_ns=${since}`)).groups.find((g) => g.from_tap === "nat-edge").instances.find((i) => i.instance.endsWith(":03")).slowest_path;

  const longPath = (await fixture.get(`paths?since_ns=${since}&limit=1&filter=path.hops%20%3D%3D%205%20and%20path.packets%20%3E%20100`)).paths[0].path_id;

  await t.test("first load is small", () => {
    const folder = join(build, "share/clew/console");
    const bytes = ["index.html.gz", ...readdirSync(join(folder, "assets")).filter((name) => name.endsWith(".gz")).map((name) => `assets/${name}`)]
      .reduce((sum, name) => sum + readFileSync(join(folder, name)).length, 0);
    console.log(`first load: ${bytes} bytes gzipped`);
    assert.ok(bytes <= firstLoadBytesMax, `${bytes} bytes`);
  });

  await t.test("home shows the slow instance first, one click from a path that shows it", async () => {
    const page = await browser.page();
    await page.goto(at("/"));
    const first = page.locator(".incidents li").first();
    await first.waitFor();
    assert.match(await first.textContent(), /slow instance/);
    assert.match(await first.textContent(), /02:00:5e:01:00:03/);
    await first.getByRole("link", { name: "A path that shows it" }).click();
    await page.locator(".lanes .leg").nth(4).waitFor();
    assert.match(await page.locator(".lanes").textContent(), /4\.\d+ ms/);
    await page.close();
  });

  await t.test("search an address → its path → why linked → ladder", async () => {
    const page = await browser.page();
    await page.goto(at("/"));
    const path = await fixture.get(`paths/${slowPath}`);
    const address = path.legs[0].client;
    await page.keyboard.press("/");
    await page.keyboard.type(address);
    await page.keyboard.press("Enter");
    const row = page.locator(".table .row").first();
    await row.waitFor();
    assert.ok((await row.textContent()).includes(address));
    assert.ok((await row.textContent()).includes(path.legs[4].server), "the server behind the NATs stands beside");
    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page.locator(".lanes .leg").nth(4).waitFor();
    assert.equal(await page.locator(".lanes .leg").count(), 5);
    await page.locator(".joint button.grade").first().click();
    assert.match(await page.locator(".why").textContent(), /bits of evidence/);
    assert.match(page.url(), /why=0/);
    await page.getByRole("link", { name: "Ladder", exact: true }).click();
    await page.locator(".ladder canvas").waitFor();
    assert.match(await page.locator(".ladder .scroll").getAttribute("aria-label"), /packets at 5 taps/);
    await page.locator(".ladder .scroll").focus();
    await page.keyboard.press("ArrowDown");
    await page.locator(".ladder .scroll").click({ position: { x: 400, y: 10 } });
    assert.match(await page.locator(".cells caption").textContent(), /SYN/);
    assert.equal(await page.locator(".cells tbody tr").count(), 5);
    const painted = await page.locator(".ladder canvas").evaluate((canvas) => {
      const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, Math.min(200, canvas.height)).data, seen = new Set();
      for (let i = 0; i < data.length; i += 4) seen.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
      return seen.size;
    });
    assert.ok(painted > 10, `the ladder is drawn: ${painted} colours`);
    const all = await downloaded(page, page.getByRole("link", { name: "pcapng of all taps" }));
    const packets = framesOf(all);
    assert.ok(packets.length > 5, `tshark reads ${packets.length} frames`);
    assert.equal(new Set(packets.map((line) => line.split("\t")[0])).size, 5, "frames of five taps");
    assert.ok(packets.every((line) => line.split("\t")[1].includes(path.proto)), "every frame is of the path's protocol");
    await page.locator(".ladder .scroll").click({ position: { x: 400, y: 50 }, modifiers: ["Shift"] });
    const some = framesOf(await downloaded(page, page.getByRole("link", { name: "pcapng of the range" })));
    assert.ok(some.length > 0 && some.length < packets.length, `${some.length} of ${packets.length} frames are in the range`);
    await page.close();
  });

  const ladderOf = async (page, path, query = {}) => {
    await page.goto(at(`/ladder/${path}`, query));
    await page.locator(".ladder canvas").waitFor();
  };
  const chosenIn = (page) => new URL(page.url()).searchParams;
  /** How many colours a canvas has, and a sum that tells whether it is the same picture. */
  const colours = (canvas) => canvas.evaluate((one) => {
    const copy = document.createElement("canvas"); // browsers warn of a canvas that is read often
    [copy.width, copy.height] = [one.width, one.height];
    const g = copy.getContext("2d", { willReadFrequently: true });
    g.drawImage(one, 0, 0);
    const words = new Uint32Array(g.getImageData(0, 0, copy.width, copy.height).data.buffer), seen = new Set();
    let sum = 0;
    for (let i = 0; i < words.length; ++i) {
      seen.add(words[i]);
      sum = (Math.imul(sum, 31) + words[i]) | 0;
    }
    return { kinds: seen.size, sum };
  });

  await t.test("the ladder by keys: packets, ranges, what is found, and a reload shows the same", async () => {
    const page = await browser.page(), caption = page.locator(".cells caption").first();
    await ladderOf(page, longPath);
    for (const key of ["j", "j", "j", "k"]) await page.keyboard.press(key); // quicker than pictures
    await eventually(async () => /^packet 2:/.test(await caption.textContent()), "j three times and k once choose the second packet");
    await page.keyboard.press("Shift+J");
    await page.keyboard.press("Shift+J");
    await eventually(async () => /^3 packets \(2–4\)/.test(await page.locator(".sums").textContent()), "with Shift a range");
    await page.keyboard.press("Shift+K");
    await page.keyboard.press("Shift+K");
    await page.keyboard.press("Shift+K");
    await eventually(async () => /^2 packets \(1–2\)/.test(await page.locator(".sums").textContent()), "the range turns about where it began");
    await eventually(() => chosenIn(page).get("row") === "1-0", "the range is in the address");
    await page.keyboard.press("f");
    await page.keyboard.type("fin");
    await eventually(async () => Number(await page.locator(".found").textContent()) > 0, "packets are found");
    await page.keyboard.press("Enter");
    await eventually(async () => /FIN/.test(await caption.textContent()), "Enter goes to the next");
    const there = await caption.textContent();
    await page.keyboard.press("Escape");
    await page.keyboard.press("n");
    await eventually(async () => (await caption.textContent()) !== there && /FIN/.test(await caption.textContent()), "n goes on");
    await page.keyboard.press("Shift+N");
    await eventually(async () => (await caption.textContent()) === there, "N goes back");
    await page.getByLabel("fold ACKs").check();
    await page.getByLabel("mark idle times").uncheck();
    await page.getByLabel("numbers").selectOption("normalised");
    await page.locator(".ladder .scroll").focus();
    for (let n = 0; n < 4; ++n) await page.keyboard.press("-");
    await eventually(() => chosenIn(page).has("zoom") && Number(chosenIn(page).get("zoom")) < 10, "thinner rows are in the address");
    for (const [name, value] of [["acks", "fold"], ["idle", "plain"], ["numbers", "normalised"], ["find", "fin"]]) assert.equal(chosenIn(page).get(name), value);
    await page.waitForTimeout(1000); // the address is written a few times a second
    const uppermost = () => page.locator(".ladder .scroll").evaluate((box, height) => Math.floor((box.scrollTop + 1) / height), Number(chosenIn(page).get("zoom")));
    const before = { url: page.url(), uppermost: await uppermost(), words: await caption.textContent() };
    await page.reload();
    await page.locator(".ladder canvas").waitFor();
    await eventually(async () => Number(await page.locator(".found").textContent()) > 0, "what is found is found again");
    assert.ok((await page.getByLabel("fold ACKs").isChecked()) && !(await page.getByLabel("mark idle times").isChecked()));
    assert.equal(await page.getByLabel("numbers").inputValue(), "normalised");
    assert.equal(await page.getByLabel("Find", { exact: true }).inputValue(), "fin");
    await eventually(async () => (await caption.textContent()) === before.words, "the same packet is chosen");
    assert.equal(await uppermost(), before.uppermost, "the same line stands uppermost");
    assert.equal(page.url(), before.url);
    await page.close();
  });

  await t.test("numbers: raw as each tap wrote them, relative and normalised the same at all", async () => {
    const page = await browser.page();
    const seqs = async (numbers) => {
      await ladderOf(page, slowPath, { row: "3", numbers });
      await page.locator(".cells tbody tr").nth(4).waitFor();
      return page.locator(".cells tbody tr td:nth-of-type(3)").allTextContents();
    };
    const raw = await seqs("raw"), relative = await seqs("relative"), normalised = await seqs("normalised");
    assert.equal(new Set(relative).size, 1, `${relative}`);
    assert.deepEqual(normalised, raw.map(() => raw[0]));
    assert.ok(Number(relative[0]) < 1e6 && Number(raw[0]) > 0);
    await page.close();
  });

  await t.test("a range's delays per hop with their ±, and round trips at each tap", async () => {
    const page = await browser.page();
    await ladderOf(page, longPath, { row: "0-60" });
    await page.locator(".hops tbody tr").nth(3).waitFor();
    const hops = await page.locator(".hops tbody tr").allTextContents(), trips = await page.locator(".trips tbody tr").allTextContents();
    assert.equal(hops.length, 8, `four hops, both ways: ${hops}`);
    assert.ok(hops.every((text) => /±[\d.]+ (ns|µs|ms)\d+$/.test(text)), `${hops}`);
    assert.ok(trips.length >= 5, `${trips}`);
    await page.close();
  });

  await t.test("rows of any height: wheel, buttons and keys, all packets at once", async () => {
    const page = await browser.page(), inner = page.locator(".ladder .scroll > div"), height = () => inner.evaluate((box) => box.clientHeight);
    await ladderOf(page, longPath);
    const usual = await height();
    await page.getByRole("button", { name: "All packets" }).click();
    await eventually(async () => (await height()) <= (await page.locator(".ladder .scroll").evaluate((box) => box.clientHeight)) + 1, "all packets are in sight");
    assert.ok((await colours(page.locator(".ladder canvas"))).kinds > 4);
    await page.locator(".ladder .scroll").click({ position: { x: 400, y: 20 } });
    await page.locator(".cells caption").waitFor();
    await page.keyboard.press("0");
    await eventually(async () => (await height()) === usual, "0 leads back");
    await page.mouse.move(500, 400);
    await page.keyboard.down("Control");
    await page.mouse.wheel(0, 100);
    await page.keyboard.up("Control");
    await eventually(async () => (await height()) < usual, "Ctrl and the wheel make rows thinner");
    await page.getByRole("button", { name: "Taller rows" }).click();
    await eventually(async () => (await height()) > usual, "a button makes them taller");
    await page.close();
  });

  await t.test("the time-sequence: zoom and pan by wheel, drag and keys, taps, the shared cursor, glyphs, a reload", async () => {
    const page = await browser.page(), graph = page.locator(".sequence .graph"), picture = graph.locator("canvas").first(), cursor = graph.locator(".cursor");
    await ladderOf(page, longPath, { show: "sequence", row: "8" });
    await picture.waitFor();
    await page.waitForTimeout(150);
    const sight = () => (chosenIn(page).get("t") ?? "").split("~").map(Number), whole = await colours(picture), left = () => cursor.evaluate((line) => (line.hidden ? -1 : line.getBoundingClientRect().left));
    const line = await left();
    assert.ok(line > 0, "the cursor is shown");
    for (let n = 0; n < 90; ++n) await page.keyboard.press("j");
    await eventually(async () => (await left()) > line, "the cursor goes with the chosen packet");
    assert.equal((await colours(picture)).sum, whole.sum, "the graph beneath it stays as it is");
    const box = await graph.boundingBox();
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await page.mouse.wheel(0, -300);
    await eventually(() => sight().length === 2, "the zoom is in the address");
    const first = sight();
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 2 - 60, box.y + box.height / 2, { steps: 4 });
    await page.mouse.up();
    await eventually(() => sight()[0] > first[0], "a drag moves it");
    await page.waitForTimeout(500);
    const dragged = sight();
    await graph.focus();
    await page.keyboard.press("ArrowLeft");
    await eventually(() => sight()[0] < dragged[0], "keys move it");
    await page.keyboard.press("y");
    await eventually(() => chosenIn(page).get("bytes"), "y zooms the bytes");
    await page.getByRole("checkbox", { name: "nat-edge" }).uncheck();
    await page.getByLabel("Direction").selectOption("1");
    await eventually(() => chosenIn(page).get("way") === "server" && chosenIn(page).get("hide"), "direction and taps are in the address");
    await page.waitForTimeout(500);
    const url = page.url(), drawn = (await colours(picture)).sum;
    await page.reload();
    await picture.waitFor();
    await eventually(async () => (await colours(picture)).sum === drawn, "a reload draws the same");
    assert.equal(page.url(), url);
    await page.locator(".sequence").getByRole("button", { name: "All", exact: true }).click();
    await eventually(() => !chosenIn(page).has("t") && !chosenIn(page).has("bytes"), "All resets it");
    const glyphs = page.locator(".glyphs > span");
    assert.ok((await glyphs.count()) >= 9);
    for (const one of await glyphs.all()) assert.ok((await one.getAttribute("title")).length > 10, "each says what it is");
    assert.ok(!/not known/.test(await page.locator(".glyphs").textContent()), "the SYNs told the windows' scale");
    await page.getByLabel("Direction").selectOption("0");
    await page.waitForTimeout(100);
    let said = "";
    for (let x = box.x + 90; x < box.x + box.width - 20 && !/packet \d+/.test(said); x += 6)
      for (let y = box.y + 20; y < box.y + box.height - 30 && !/packet \d+/.test(said); y += 24) {
        await page.mouse.move(x, y);
        said = await page.locator(".hint").textContent();
      }
    assert.match(said, /: .* at .*; packet \d+: /, "what is under the pointer is said");
    await page.keyboard.press("l");
    await page.locator(".sequence").waitFor({ state: "detached" });
    assert.ok(chosenIn(page).get("row"), "what is chosen stays");
    await page.close();
  });

  await t.test("an empty ladder says its own reason", async () => {
    const page = await browser.page(), table = await (await fetch(`${fixture.url}/api/v1/paths/${slowPath}/ladder_table`)).json();
    assert.equal(table.empty, "");
    for (const [empty, words] of [["sockets", /sockets alone/], ["ring", /no header log/], ["old", /go back to/], ["away", /answers/], ["dropped", /dropped headers/], ["unknown", /have no packet header/]]) {
      const head = Buffer.from(JSON.stringify({ path_id: slowPath, columns: [], rows: 0, start_ns: "0", partial: "", more: false, empty, kept_since_ns: since })), begin = Buffer.alloc(8);
      begin.write("CLT1");
      begin.writeUInt32LE(head.length, 4);
      await page.route("**/ladder_table?*", (route) => route.fulfill({ contentType: "application/octet-stream", body: Buffer.concat([begin, head, Buffer.alloc(8)]) }));
      await page.goto(at(`/ladder/${slowPath}`));
      await page.locator(".note", { hasText: words }).waitFor();
      await page.unroute("**/ladder_table?*");
    }
    await page.close();
  });

  await t.test("losses are told apart, who sent a reset is said, and what gateways were learnt to do", async () => {
    const { paths } = await fixture.get(`paths?since_ns=${since}&limit=10000`);
    const lossy = paths.find((path) => path.links.some((link) => link.losses.some((loss) => loss.lost > 0)));
    const reset = paths.find((path) => path.resets.length > 0);
    assert.ok(lossy && reset, "the corpora have losses and resets");
    const page = await browser.page();
    await page.goto(at(`/path/${lossy.path_id}`));
    await page.locator(".fates").waitFor();
    assert.match(await page.locator(".fates").textContent(), /packets lost on the wire between taps/);
    assert.match(await page.locator(".lanes").textContent(), /✕ \d+ lost/);
    await browser.fits(page, "lossy path");
    await browser.accessible(page, "lossy path");
    if (options.screens) await page.screenshot({ path: join(options.screens, "lossy-dark-1366.png") });
    await page.goto(at(`/path/${reset.path_id}`));
    assert.match(await page.locator(".fates").textContent(), new RegExp(`reset to the (server|client), sent by (the )?(${reset.resets[0].by}|a middlebox)`));
    await page.goto(at("/gateways"));
    const profile = page.locator(".profile").first();
    await profile.locator("summary").click();
    assert.match(await profile.textContent(), /the client's sequence numbers/);
    await page.goto(at("/gateways"));
    await page.locator(".fates-cell .bad", { hasText: /✕ \d/ }).first().waitFor();
    await page.close();
  });

  await t.test("where the way back passes other taps it has a lane of its own, measured from tap to tap", async () => {
    const { paths } = await fixture.get(`paths?since_ns=${since}&limit=10000`);
    const measured = (path, direction) => (path.spans ?? []).find((span) => span.direction === direction && span.delay);
    const path = paths.find((one) => measured(one, "to_server") && measured(one, "to_client"));
    assert.ok(path, "the corpora have a path whose ways differ");
    const page = await browser.page();
    await page.goto(at(`/path/${path.path_id}`));
    await page.locator(".lanes").nth(1).waitFor();
    const carry = (direction) => path.legs.filter((leg) => leg.observer === "socket" || Number(leg[direction].packets) > 0).length;
    assert.ok(carry("to_server") < path.legs.length && carry("to_client") < path.legs.length);
    for (const [lane, direction, arrow] of [[0, "to_server", "→"], [1, "to_client", "←"]]) {
      const list = page.locator(".lanes").nth(lane);
      assert.equal(await list.locator(".leg").count(), carry(direction));
      const delays = await list.locator(".delay").allTextContents();
      assert.equal(delays.length, carry(direction) - 1, "one way alone is measured in its lane");
      assert.ok(delays.every((text) => text.startsWith(arrow)) && delays.some((text) => /±/.test(text)), `${delays}`);
    }
    await browser.fits(page, "two lanes");
    await browser.accessible(page, "two lanes");
    if (options.screens) await page.screenshot({ path: join(options.screens, "ways-dark-1366.png"), fullPage: true });
    await page.close();
  });

  await t.test("why not others: the rivals of a leg, weighed", async () => {
    const { paths } = await fixture.get(`paths?since_ns=${since}&limit=10000`);
    let found;
    const legs = paths.flatMap((path) => path.legs.filter((leg) => leg.observer !== "socket").map((leg) => ({ path, leg })));
    for (let n = 0; n < legs.length && !found; n += 3) {
      const list = await fixture.get(`links/rivals?leg=${legs[n].leg.leg_id}`);
      if (list.rivals?.length && legs[n].path.links.length) found = { ...legs[n], list, link: legs[n].path.links.findIndex((link) => legs[n].path.legs[link.from] === legs[n].leg) };
      if (found?.link < 0) found = undefined;
    }
    assert.ok(found, "a leg has rivals");
    const page = await browser.page();
    await page.goto(at(`/path/${found.path.path_id}`, { why: String(found.link) }));
    await page.locator(".why").getByRole("button", { name: "Why not others" }).click();
    const panel = page.locator(".why", { hasText: "Why not others" });
    await panel.locator(".rival").first().waitFor();
    assert.equal(await panel.locator(".rival").count(), found.list.rivals.length);
    assert.equal(new URL(page.url()).searchParams.get("leg"), found.leg.leg_id);
    await panel.locator(".rival summary").first().click();
    assert.match(await panel.locator(".rival").first().textContent(), /[\d.]+ bits/);
    await page.reload();
    await panel.locator(".rival").first().waitFor();
    await browser.accessible(page, "rivals");
    if (options.screens) await page.screenshot({ path: join(options.screens, "rivals-dark-1366.png"), fullPage: true });
    await page.close();
  });

  await t.test("names of the inventory stand wherever a gateway does, what was learnt beside it", async () => {
    const page = await browser.page(), { name, address } = namedGateway;
    await page.goto(at("/gateways"));
    const row = page.locator(".group", { has: page.locator("h2", { hasText: "nat-edge → nat-core" }) }).locator("th", { has: page.locator(`a[title="${address}"]`) });
    await row.getByText(name).waitFor();
    await row.locator(".learnt").waitFor();
    await page.goto(at("/topology"));
    await page.locator(".topology text", { hasText: name }).first().waitFor();
    const path = (await fixture.get(`paths?since_ns=${since}&limit=1&filter=${encodeURIComponent(`gw.instance == "${address}" and path.hops == 5`)}`)).paths[0];
    await page.goto(at(`/path/${path.path_id}`));
    await page.locator(".joint .instance", { hasText: name }).waitFor();
    await page.close();
  });

  await t.test("the topology as a matrix: a cell tells its edge and leads to its paths", async () => {
    const page = await browser.page();
    await page.goto(at("/topology", { show: "matrix" }));
    const canvas = page.locator(".matrix canvas"), words = page.locator(".matrix figcaption .muted");
    await canvas.waitFor();
    const box = await canvas.boundingBox();
    let text = "";
    for (let y = 9; y < box.height && !text; y += 9)
      for (let x = 210 + 9; x < box.width && !text; x += 18) {
        await canvas.dispatchEvent("pointermove", { clientX: box.x + x, clientY: box.y + y });
        text = await words.textContent();
        if (text && !/no link/.test(text)) await canvas.dispatchEvent("pointerdown", { clientX: box.x + x, clientY: box.y + y });
        else text = "";
      }
    assert.match(text, / → .*\d+ paths/);
    await page.locator(".table .row").first().waitFor();
    assert.match(new URL(page.url()).searchParams.get("filter"), / and /);
    await page.close();
  });

  await t.test("typed times, UTC, a brushed time, and the keys that lead to views", async () => {
    const page = await browser.page();
    await page.goto(at("/paths"));
    await page.locator(".table .row").first().waitFor();
    if ((await page.getByRole("button", { name: "Local", exact: true }).count()) > 0) await page.getByRole("button", { name: "Local", exact: true }).click();
    await page.getByRole("button", { name: "UTC", exact: true }).waitFor();
    assert.match(await page.locator(".table .row").first().textContent(), /\d\d:\d\d:\d\d\.\d+Z/);
    await page.getByRole("button", { name: "Type from when to when" }).click();
    await page.getByLabel("from", { exact: true }).fill("2026-11-20T10:00:01");
    await page.getByLabel("to", { exact: true }).fill("2026-11-20T09:00:01");
    await page.getByRole("button", { name: "Show" }).click();
    await page.getByText("the second time must be after the first").waitFor();
    await page.getByLabel("to", { exact: true }).fill("2026-11-20T10:30:01");
    await page.getByRole("button", { name: "Show" }).click();
    const asked = new URL(page.url()).searchParams;
    assert.equal(asked.get("since"), String(BigInt(Date.UTC(2026, 10, 20, 10, 0, 1)) * 1000000n));
    assert.equal(asked.get("until"), String(BigInt(Date.UTC(2026, 10, 20, 10, 30, 1)) * 1000000n));
    await page.goto(at("/paths", { until: String(BigInt(since) + 60000000000n) }));
    const over = page.locator(".u-over").first();
    await over.waitFor();
    const box = await over.boundingBox();
    await page.mouse.move(box.x + box.width * 0.3, box.y + box.height / 2);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.6, box.y + box.height / 2, { steps: 4 });
    await page.mouse.up();
    await eventually(() => BigInt(new URL(page.url()).searchParams.get("since")) > BigInt(since), "the brushed time is in the address");
    const length = BigInt(new URL(page.url()).searchParams.get("until")) - BigInt(new URL(page.url()).searchParams.get("since"));
    assert.ok(length > 10000000000n && length < 30000000000n, `${length} ns of a minute`);
    await page.locator(".table .row").first().waitFor();
    for (const [key, path] of [["w", "/gateways"], ["y", "/topology"], ["r", "/trust"], ["h", "/"], ["p", "/paths"]]) {
      await page.evaluate(() => document.activeElement.blur());
      await page.keyboard.press("g");
      await page.keyboard.press(key);
      assert.equal(new URL(page.url()).pathname, path);
    }
    await page.close();
  });

  await t.test("facets, only this and not this narrow the table, and the address keeps it", async () => {
    const page = await browser.page();
    await page.goto(at("/paths"));
    await page.locator(".table .row").first().waitFor();
    const facet = page.locator(".facets section", { has: page.locator("h3", { hasText: /^proto$/ }) });
    await facet.getByRole("button", { name: "udp" }).click();
    await facet.getByRole("button", { name: "Not this" }).click();
    await eventually(() => new URL(page.url()).searchParams.get("filter") === "not proto == udp", "the filter is in the address");
    await eventually(async () => !(await page.locator(".facets").textContent()).includes("udp"), "no UDP is counted");
    const shown = await page.locator(".strip .muted").first().textContent();
    await page.reload();
    await page.locator(".table .row").first().waitFor();
    await eventually(async () => (await page.locator(".strip .muted").first().textContent()) === shown, "the same after a reload");
    await page.goto(at("/paths", { filter: "ip.adr == 1" }));
    await page.locator(".note.bad").first().waitFor();
    assert.match(await page.locator(".note.bad").first().textContent(), /no field 'ip.adr'/);
    await page.close();
    browser.faults = browser.faults.filter((fault) => !/ip\.adr.*400 \(Bad Request\)/.test(fault)); // asked for
  });

  await t.test("paging reaches every path once", async () => {
    const ids = new Set();
    let next = "", pages = 0;
    do {
      const list = await fixture.get(`paths?since_ns=${since}&limit=100${next ? "&cursor=" + encodeURIComponent(next) : ""}`);
      for (const path of list.paths) assert.ok(!ids.has(path.path_id), "twice"), ids.add(path.path_id);
      next = list.next;
      ++pages;
    } while (next && pages < 100);
    const facets = await fixture.get(`facets?since_ns=${since}`);
    assert.equal(ids.size, Number(facets.paths));
    assert.ok(pages > 3);
  });

  await t.test("two times compared: from the gateways, an instance before and now, what changed, and its paths", async () => {
    const end = BigInt(since) + 60000000000n, middle = BigInt(since) + 20000000000n;
    const page = await browser.page();
    await page.goto(`${fixture.url}/gateways?${new URLSearchParams({ since: String(middle), until: String(end) })}`);
    await page.getByRole("link", { name: "compare with another time" }).click();
    await page.locator(".compared tbody tr").nth(2).waitFor();
    assert.match(await page.locator(".compared tbody tr").first().textContent(), /all paths/);
    assert.ok(await page.locator(".compared .member", { hasText: "02:00:5e:01:00:03" }).count(), "instances stand below their group");
    await page.goto(page.url() + `&before=${since}`);
    const answer = await fixture.get(`compare?since_ns=${middle}&until_ns=${end}&before_ns=${since}`);
    assert.equal(answer.before_ns, since);
    await eventually(async () => (await page.locator(".compared tbody tr").count()) === answer.rows.length, "each row is there");
    await page.locator(".compared tbody tr").first().getByRole("link", { name: "before", exact: true }).click();
    await page.locator(".table .row").first().waitFor();
    assert.equal(new URL(page.url()).searchParams.get("since"), since);
    await page.close();
  });

  await t.test("two paths compared: the other one chosen in the table, what differs is marked", async () => {
    const page = await browser.page();
    await page.goto(at(`/path/${slowPath}`));
    await page.getByRole("link", { name: "choose the other one" }).click();
    await page.locator(".note", { hasText: slowPath }).waitFor();
    await page.goto(page.url() + "&filter=" + encodeURIComponent('path.hops == 5 and not gw.instance == "02:00:5e:01:00:03"'));
    await page.locator(".table .row a").first().click();
    const row = page.locator(".two-paths tbody tr", { has: page.locator("th", { hasText: /^nat-edge/ }) });
    await row.waitFor();
    assert.equal(new URL(page.url()).pathname, `/path/${slowPath}`);
    assert.equal(await page.locator(".two-paths tbody tr").count(), 5);
    const differs = await row.locator(".differs").allTextContents();
    assert.ok(differs.some((text) => /µs ±/.test(text)), `the slow hop is marked: ${differs}`);
    await browser.fits(page, "two paths");
    await browser.accessible(page, "two paths");
    if (options.screens) await page.screenshot({ path: join(options.screens, "two-paths-dark-1366.png") });
    await page.close();
  });

  await t.test("CLI and curl copy the question that the view asked", async () => {
    const page = await browser.page(), asked = [];
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    page.on("request", (request) => asked.push(request.url()));
    const copied = async (name) => {
      await page.locator(".tools").getByRole("button", { name, exact: true }).click();
      return page.evaluate(() => navigator.clipboard.readText());
    };
    for (const [path, sign, question, command] of [
      ["/", ".incidents li", "incidents?", /^clew incidents --since 20\S+Z 'proto == tcp'$/], ["/paths", ".table .row", "paths?", /^clew paths --abnormal-first --since 20\S+Z 'proto == tcp'$/], ["/gateways", ".group", "gateway_groups?", /^clew gateways$/],
      ["/topology", ".topology", "topology?", /^clew topology --since 20\S+Z 'proto == tcp'$/], ["/compare", ".compared", "compare?", /^clew compare --since 20\S+Z 'proto == tcp'$/], ["/trust", ".counters", "status", /^clew status$/], [`/path/${slowPath}`, ".lanes", `paths/${slowPath}`, new RegExp(`^clew path show ${slowPath}$`)],
      [`/ladder/${slowPath}`, ".ladder canvas", `paths/${slowPath}/ladder`, new RegExp(`^clew ladder ${slowPath}$`)],
    ]) {
      asked.length = 0;
      await page.goto(at(path, { filter: "proto == tcp", follow: "0" }));
      await page.locator(sign).first().waitFor();
      const [, address] = /^curl '(http[^']+)'$/.exec(await copied("curl"));
      assert.ok(address.startsWith(`${fixture.url}/api/v1/${question}`), `${path} copies ${address}`);
      // Trust is told its status as it comes, and the ladder asks for a table that only a program reads.
      const twin = path === "/trust" ? `${fixture.url}/api/v1/events` : path.startsWith("/ladder") ? `${address}_table` : address;
      assert.ok(asked.some((url) => url === twin || (path.startsWith("/ladder") && url.startsWith(twin))), `${path} asked ${twin}`);
      assert.equal((await fetch(address)).status, 200, address);
      assert.match(await copied("CLI"), command);
    }
    await page.close();
  });

  await t.test("abnormal first is the store's order, and the browser keeps it", async () => {
    const page = await browser.page();
    const asked = page.waitForRequest((request) => /\/paths\?.*abnormal_first=1/.test(request.url()));
    await page.goto(at("/paths"));
    const answer = await (await (await asked).response()).json();
    await page.locator(".table .row").first().waitFor();
    const shown = await page.locator(".table .row a[href^='/path/']").evaluateAll((links) => links.map((link) => new URL(link.href).pathname.slice(6)));
    assert.deepEqual(shown, answer.paths.slice(0, shown.length).map((path) => path.path_id));
    const newest = page.waitForRequest((request) => /\/paths\?/.test(request.url()) && !request.url().includes("abnormal_first"));
    await page.getByLabel("abnormal first").uncheck();
    await newest;
    await page.close();
  });

  await t.test("only this and not this on the cells of a row, and from a path's page", async () => {
    const page = await browser.page(), filter = `path.id == ${slowPath}`, row = page.locator(".table .row");
    await page.goto(at("/paths", { filter }));
    await row.first().waitFor();
    const without = await row.first().locator("[role=cell]").evaluateAll((cells) => cells.map((cell, i) => (cell.querySelector(".value") || cell.textContent === "" ? -1 : i)).filter((i) => i >= 0));
    const heads = await page.locator("[role=columnheader]").allTextContents();
    assert.deepEqual(without.map((i) => heads[i]), [], "each has a field of the filter");
    const cells = await row.locator(".value").count();
    assert.ok(cells >= 14, `${cells} values`);
    for (let i = 0; i < cells; ++i)
      for (const [choice, left] of [["Only this", 1], ["Not this", 0]]) {
        await page.goto(at("/paths", { filter }));
        await row.locator(".value").nth(i).locator("button").first().click();
        await row.getByRole("button", { name: choice }).click();
        await page.waitForURL((url) => url.searchParams.get("filter") !== filter);
        const words = new URL(page.url()).searchParams.get("filter");
        await page.getByText("No path of this time matches the filter.").or(row.first()).first().waitFor();
        await eventually(async () => (await row.count()) === left, `${words} leaves ${left}`);
      }
    await page.goto(at(`/path/${slowPath}`, { filter: "proto == tcp" }));
    for (const [leg, end] of [[0, 0], [2, 1], [4, 1]]) {
      await page.goto(at(`/path/${slowPath}`, { filter: "proto == tcp" }));
      await page.locator(".leg").nth(leg).locator(".end").nth(end).getByRole("button").click();
      await page.getByRole("button", { name: "Only this" }).click();
      await page.locator(`.row a[href*="${slowPath}"]`).waitFor();
      const there = new URL(page.url());
      assert.equal(there.pathname, "/paths");
      assert.match(there.searchParams.get("filter"), /^proto == tcp and (path|ip)\.\w+ == \S+$/);
    }
    await page.close();
  });

  await t.test("what is chosen in a view is in its address, and its title names it", async () => {
    const page = await browser.page();
    await page.goto(at("/paths", { filter: "proto == tcp" }));
    await page.locator(".table .row").first().waitFor();
    await page.getByRole("button", { name: "Added" }).click();
    await page.getByLabel("abnormal first").uncheck();
    await page.getByRole("checkbox", { name: "follow" }).check();
    for (const [name, value] of [["sort", "added.down"], ["first", "newest"], ["follow", "1"]]) assert.equal(new URL(page.url()).searchParams.get(name), value);
    await page.reload();
    await page.locator(".table .row").first().waitFor();
    assert.equal(await page.locator("[aria-sort]").getAttribute("aria-sort"), "descending");
    assert.ok(await page.getByRole("checkbox", { name: "follow" }).isChecked() && !(await page.getByLabel("abnormal first").isChecked()));
    assert.equal(await page.title(), "proto == tcp · Paths · Clew");
    await page.goto(at("/topology"));
    await page.locator(".topology").waitFor();
    await page.getByLabel("nodes at most").selectOption("60");
    await page.getByLabel("shown as").selectOption("edges");
    await page.reload();
    await page.locator(".edges").waitFor();
    assert.equal(await page.getByLabel("nodes at most").inputValue(), "60");
    assert.equal(await page.title(), "Topology · Clew");
    const others = page.locator(".edges tbody tr", { hasText: "the others" });
    for (const row of await others.all()) assert.equal(await row.getByRole("link").count(), 0, "an edge to the others has no link");
    await page.goto(at(`/path/${slowPath}`));
    await page.locator(".lanes").waitFor();
    const { legs } = await fixture.get(`paths/${slowPath}`);
    assert.equal(await page.title(), `${legs[0].client} → ${legs[4].server} · path ${slowPath} · Clew`);
    await page.keyboard.press("w");
    await page.keyboard.press("w");
    assert.match(page.url(), /why=1/);
    await page.keyboard.press("s");
    await page.locator(".sequence canvas").waitFor();
    await page.keyboard.press("o");
    await page.locator(".lanes").waitFor();
    await page.close();
  });

  await t.test("views of a time that ends now ask again while they are seen", async () => {
    const page = await browser.page(), asked = [];
    page.on("request", (request) => asked.push(new URL(request.url()).pathname.split("/").pop()));
    const times = (what) => asked.filter((one) => one === what).length;
    await page.clock.install();
    for (const [path, sign, what] of [["/", ".incidents li", "incidents"], ["/gateways", ".group", "gateway_groups"], ["/topology", ".topology", "topology"], ["/trust", ".counters", "clocks"]]) {
      await page.goto(at(path));
      await page.locator(sign).first().waitFor();
      asked.length = 0;
      await page.clock.runFor(25000); // with whatever comes due in between: a jump may leave what a timer began half done
      await eventually(() => times(what) > 0, `${path} asks again`);
      await page.clock.runFor(1000);
      await page.evaluate(() => Object.defineProperty(document, "visibilityState", { value: "hidden", configurable: true }));
      asked.length = 0;
      await page.clock.runFor(25000);
      await page.evaluate(() => delete document.visibilityState);
      assert.equal(times(what), 0, `${path} is not seen and asks nothing`);
      await page.getByRole("checkbox", { name: "follow" }).uncheck();
      asked.length = 0;
      await page.clock.runFor(25000);
      await page.evaluate(() => fetch("/api/v1/status"));
      assert.equal(times(what), 0, `${path} does not follow`);
      assert.equal(new URL(page.url()).searchParams.get("follow"), "0");
    }
    await page.goto(at("/", { until: String(BigInt(since) + 60000000000n) }));
    assert.ok(await page.getByRole("checkbox", { name: "follow" }).isDisabled(), "a time that is over does not change");
    await page.close();
  });

  await t.test("clocks many milliseconds apart: their graph shows the bounds as a band", async () => {
    const { pairs } = await eventually(async () => {
      const list = await fixture.get(`clocks?since_ns=${since}&buckets=60`);
      return list.pairs.length && list;
    }, "two clocks are compared");
    const [pair] = pairs;
    assert.ok(Math.abs(Number(pair.offset_ns)) > 5e6 && Number(pair.error_ns) < 1e6, `${pair.offset_ns} ± ${pair.error_ns}`);
    const page = await browser.page();
    await page.goto(at("/trust"));
    const graph = page.locator("#clocks ~ section canvas").first();
    await graph.waitFor();
    await page.waitForTimeout(100); // it is drawn in the next frame
    const height = await graph.evaluate((canvas) => {
      const part = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim().match(/\w\w/g).map((v) => parseInt(v, 16));
      const band = [...part("--muted"), 0x40]; // the canvas has no ground of its own
      const { data, width, height } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      let most = 0;
      for (let x = 0; x < width; ++x) {
        let n = 0;
        for (let y = 0; y < height; ++y) n += band.every((v, i) => Math.abs(data[(y * width + x) * 4 + i] - v) < 6) ? 1 : 0;
        most = Math.max(most, n);
      }
      return most;
    });
    assert.ok(height >= 3, `the band is ${height} pixels high`); // less than one where the scale begins at 0
    await page.close();
  });

  await t.test("Trust says what each tap sees and drops a second", async () => {
    const status = await fixture.get("status"), later = structuredClone(status), sensor = later.observers.find((one) => one.name === "console-sensor");
    const grow = (name, by) => { const counter = sensor.counters.find((one) => one.tap === "nat-edge" && one.name === name); counter.value = String(Number(counter.value) + by); };
    sensor.heard_ns = String(BigInt(sensor.heard_ns) + 2000000000n);
    grow("tap_packets", 3000);
    const dropped = sensor.counters.find((one) => one.tap === "nat-edge" && /drop/.test(one.name));
    assert.ok(dropped, "a tap has a counter of drops");
    grow(dropped.name, 50);
    const page = await browser.page();
    await page.route("**/api/v1/events", (route) => route.fulfill({ contentType: "text/event-stream", body: "retry: 3600000\n" + [status, later].map((one) => `event: status\ndata: ${JSON.stringify(one)}\n\n`).join("") }));
    await page.goto(at("/trust"));
    const row = page.locator(".taps tbody tr", { has: page.locator("th", { hasText: /^nat-edge$/ }) });
    await eventually(async () => (await row.locator("td").nth(1).textContent()) === "1500", "1500 packets a second");
    assert.equal(await row.locator("td").nth(3).textContent(), "25");
    assert.equal(await page.locator(".taps tbody tr").count(), status.observers.flatMap((one) => one.taps).length);
    await page.close();
  });

  const screens = [
    ["home", "/", {}, ".plain-table"], ["paths", "/paths", {}, ".table .row"], ["path", `/path/${slowPath}`, { why: "1" }, ".why"],
    ["ladder", `/ladder/${slowPath}`, { row: "3" }, ".cells"], ["sequence", `/ladder/${longPath}`, { show: "sequence", row: "8" }, ".sequence canvas"],
    ["ladder-range", `/ladder/${longPath}`, { show: "sequence", row: "2-40", numbers: "raw" }, ".trips"], ["ladder-thin", `/ladder/${longPath}`, { zoom: "3", row: "8" }, ".cells"],
    ["gateways", "/gateways", {}, ".heat canvas"], ["topology", "/topology", {}, ".topology"], ["edges", "/topology", { show: "edges" }, ".edges"], ["matrix", "/topology", { show: "matrix" }, ".matrix canvas"], ["compare", "/compare", { since: String(BigInt(since) + 20000000000n), before: since }, ".compared"], ["trust", "/trust", {}, ".counters"], ["clocks", "/trust", {}, "#clocks ~ section canvas"],
  ];
  for (const [look, width, height] of looks)
    await t.test(`every screen, ${look} at ${width}×${height}: whole, accessible, no error`, async () => {
      const page = await browser.page({ width, height, theme: look.startsWith("light") ? "light" : "dark", language: look.startsWith("zh") ? "zh" : "en" });
      for (const [name, path, query, sign] of screens) {
        await page.goto(at(path, query));
        await page.locator(sign).first().waitFor();
        await page.waitForLoadState("load");
        if (name === "clocks") await page.locator("#clocks").evaluate((head) => head.scrollIntoView());
        await browser.fits(page, `${name} ${look}`);
        await browser.accessible(page, `${name} ${look}`);
        if (look.startsWith("zh")) assert.equal(await page.locator("html").getAttribute("lang"), "zh-CN");
        if (options.screens) {
          await page.waitForTimeout(250);
          await page.screenshot({ path: join(options.screens, `${name}-${look}.png`) });
        }
      }
      await page.close();
    });

  await t.test("memory stays flat over a thousand opened paths", async () => {
    const { paths } = await fixture.get(`paths?since_ns=${since}&limit=500`);
    const page = await browser.page(), session = await page.context().newCDPSession(page);
    await page.goto(at(`/path/${slowPath}`));
    await page.locator(".lanes .leg").first().waitFor();
    const heapAfter = async (openings) => {
      await page.evaluate(async ([ids, openings]) => {
        const link = document.querySelector(".brand");
        for (let n = 0; n < openings; ++n) {
          link.setAttribute("href", `/path/${ids[n % ids.length]}?n=${n}`);
          link.click();
          for (const end = Date.now() + 20000; !document.querySelector(".title small")?.textContent.includes(ids[n % ids.length]) && Date.now() < end;) await new Promise((done) => setTimeout(done, 2));
          if (!document.querySelector(".title small")?.textContent.includes(ids[n % ids.length])) throw new Error(`path ${ids[n % ids.length]} was not opened`);
        }
      }, [paths.map((path) => path.path_id), openings]);
      await session.send("HeapProfiler.collectGarbage");
      return (await session.send("Runtime.getHeapUsage")).usedSize;
    };
    const early = await heapAfter(100), late = await heapAfter(1000);
    console.log(`heap after 100 opened paths ${(early / 1e6).toFixed(2)} MB, after 1000 more ${(late / 1e6).toFixed(2)} MB`);
    assert.ok(late - early < 2e6, `${late - early} bytes more after 1000 more paths`);
    await page.close();
  });

  await t.test("in Chinese: the language, the words, the path", async () => {
    const page = await browser.page({ language: "zh" });
    await page.goto(at(`/path/${slowPath}`, { why: "1" }));
    await page.locator(".why").waitFor();
    assert.equal(await page.locator("html").getAttribute("lang"), "zh-CN");
    assert.match(await page.locator(".bar nav").textContent(), /网关/);
    await browser.fits(page, "path zh");
    assert.match(await page.locator(".evidence").textContent(), /序列号/);
    await page.goto(at("/path/ffffffffffffffff"));
    assert.match(await page.locator(".note.bad").textContent(), /没有路径 ffffffffffffffff/);
    browser.faults = browser.faults.filter((fault) => !/ffffffffffffffff.*404/.test(fault)); // asked for
    await page.close();
  });

  await t.test("a sensor that is gone shows in Trust and on the home page", async () => {
    const page = await browser.page();
    await page.goto(at("/trust"));
    await page.getByText("● connected").first().waitFor();
    const horizons = page.locator(".horizons tbody tr");
    await eventually(async () => !(await horizons.allTextContents()).some((text) => /nothing is kept|\b0 ns/.test(text)), "rows and headers have an oldest");
    assert.ok((await horizons.allTextContents()).some((text) => /headers.*console-sensor/.test(text)));
    await fixture.end("sensor");
    await page.getByText("○ away").waitFor({ timeout: awaySecondsMax * 1000 });
    await page.goto(at("/"));
    await page.locator(".incidents li.observer").waitFor();
    const ladder = await fixture.get(`paths/${slowPath}/ladder_table`);
    assert.ok(ladder.partial, "the ladder says that its sensor is away");
    assert.equal(ladder.empty, "away");
    await page.goto(at(`/ladder/${slowPath}`));
    await page.locator(".note.partial").waitFor();
    await page.close();
  });

  for (const fault of browser.faults) console.log(`fault: ${fault}`); // also where a step failed
  assert.deepEqual(browser.faults, []);
});
