// SPDX-License-Identifier: Apache-2.0
// The console over a live region, as tests/region/live_test.py runs it. `region`: the slowed gateway is first on the home
// page and in its group; an address leads to its path, why it is linked, its ladder, its packets for tshark; the same in Chinese. `away`: says
// "open" once Trust shows the observer, is told (a line with the time in ns) that it was killed, and sees it go in time.
import assert from "node:assert/strict";
import { resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import { parseArgs } from "node:util";
import { Browser, downloaded, framesOf } from "./browser.mjs";

const text = { type: "string" };
const { values: asked, positionals: [part] } = parseArgs({ allowPositionals: true, options: { url: text, since: text, slowed: text, path: text, tap: text, observer: text, screens: text } });
const modules = resolve(import.meta.dirname ?? new URL(".", import.meta.url).pathname, "../../controlplane/console/node_modules");
const awaySecondsMax = 10;
const browser = await Browser.open(asked.url, modules);
const at = (path, query = {}) => `${asked.url}${path}?${new URLSearchParams({ since: asked.since, ...query })}`;

async function look(page, name) {
  if (await page.locator("html").getAttribute("lang") === "zh-CN") name += "-zh";
  await browser.fits(page, name);
  await browser.accessible(page, name);
  if (asked.screens) await page.screenshot({ path: `${asked.screens}/live-${name}.png` });
}

async function slowedFirst(page, words) {
  await page.goto(at("/"));
  const first = page.locator(".incidents li").first();
  await first.waitFor();
  const said = await first.textContent();
  assert.match(said, words, `first on the home page: ${said}`);
  assert.ok(said.includes(asked.slowed), `first on the home page: ${said}`);
  console.log(`home: ${said}`);
  await look(page, "home");
  await first.getByRole("link").first().click();
  await page.locator(".lanes .leg").nth(2).waitFor();
  assert.match(await page.locator(".lanes").textContent(), new RegExp(asked.slowed));
  await page.goto(at("/gateways"));
  const slow = page.locator("tr.slow").first();
  await slow.waitFor();
  assert.ok((await slow.textContent()).includes(asked.slowed));
  await look(page, "gateways");
}

async function addressToLadder(page) {
  const path = await (await fetch(`${asked.url}/api/v1/paths/${asked.path}`)).json();
  const client = path.legs[0].client;
  await page.goto(at("/"));
  await page.locator(".incidents li").first().waitFor(); // keys are heard once the page stands
  await page.keyboard.press("/");
  await page.keyboard.type(client);
  await page.keyboard.press("Enter");
  await page.locator(".table .row").first().waitFor();
  assert.ok((await page.locator(".table .row").first().textContent()).includes(client));
  await look(page, "paths");
  await page.locator(".table").focus();
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.locator(".lanes .leg").nth(4).waitFor();
  assert.match(await page.locator(".lanes").textContent(), /nginx/, "the server's process ends the path");
  await page.locator(".joint button.grade").nth(2).click();
  await page.locator(".why").waitFor();
  await look(page, "path");
  await page.goto(at(`/ladder/${asked.path}`, { row: "1" }));
  await page.locator(".ladder canvas").waitFor();
  await page.locator(".cells tbody tr").first().waitFor();
  await look(page, "ladder");
  const frames = framesOf(await downloaded(page, page.locator(".download")));
  assert.ok(frames.length > 5, `tshark reads ${frames.length} frames of the path`);
}

async function away() {
  const page = await browser.page();
  await page.goto(at("/trust"));
  const row = page.locator("tr", { has: page.getByRole("rowheader", { name: asked.observer, exact: true }) });
  await row.getByText("● connected").waitFor();
  await look(page, "trust");
  console.log("open");
  const killed = Number(BigInt((await createInterface({ input: process.stdin }).question(""))) / 1000000n);
  await row.getByText("○ away").waitFor({ timeout: awaySecondsMax * 1000 });
  const seconds = (Date.now() - killed) / 1000;
  console.log(`${asked.observer} is shown as away ${seconds.toFixed(1)} s after it was killed`);
  assert.ok(seconds <= awaySecondsMax);
}

try {
  if (part === "away") await away();
  else {
    const page = await browser.page();
    await slowedFirst(page, /slow instance/);
    await addressToLadder(page);
    const chinese = await browser.page({ language: "zh" });
    await slowedFirst(chinese, /实例偏慢/);
    await addressToLadder(chinese);
  }
  assert.deepEqual(browser.faults, []);
} finally {
  await browser.close();
}
process.exit(0);
