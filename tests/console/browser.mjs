// SPDX-License-Identifier: Apache-2.0
// Chromium over the built console: every request that leaves the host, every word on the console and every fault of axe-core
// is kept, so that tests can say there was none.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

export const chromium = process.env.CLEW_CHROMIUM ?? "/usr/bin/chromium";

export class Browser {
  static async open(url, modules) {
    const require = createRequire(pathToFileURL(join(modules, "x")));
    const { chromium: driver } = require("playwright-core");
    const self = new Browser();
    self.url = url;
    self.axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
    self.driver = await driver.launch({ executablePath: chromium, args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"] });
    self.faults = [];
    return self;
  }

  async page({ width = 1366, height = 768, theme = "dark", language = "en" } = {}) {
    const context = await this.driver.newContext({ viewport: { width, height }, colorScheme: theme, locale: language === "zh" ? "zh-CN" : "en-GB", timezoneId: "Asia/Shanghai", acceptDownloads: true });
    const page = await context.newPage();
    page.setDefaultTimeout(60000);  // of a busy machine
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type()) && !this.away) this.faults.push(`${page.url()}: ${message.text()}`);
    });
    page.on("pageerror", (failure) => this.faults.push(`${page.url()}: ${failure.message}`));
    page.on("request", (request) => {
      if (!request.url().startsWith(this.url) && !/^(data|blob):/.test(request.url())) this.faults.push(`a request left the host: ${request.url()}`);
    });
    return page;
  }

  async accessible(page, where) {
    await page.evaluate(this.axe);
    const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
    for (const one of violations)
      if (["serious", "critical"].includes(one.impact)) this.faults.push(`${where}: ${one.id}: ${one.help}: ${one.nodes.slice(0, 3).map((n) => n.html.slice(0, 160) + " " + (n.any[0]?.message ?? "")).join(" | ")}`);
  }

  /** Nothing is wider than its screen, no word is cut, entries of one list can be told apart, grades can be read. */
  async fits(page, where) {
    const words = await page.evaluate(() => {
      const out = [];
      if (document.documentElement.scrollWidth > innerWidth + 1) out.push(`the page is ${document.documentElement.scrollWidth} wide`);
      for (const part of document.querySelectorAll(".bar nav a, .bar button, .strip > *, h1, h2")) {
        const box = part.getBoundingClientRect();
        if (box.width && (box.right > innerWidth + 1 || box.left < -1)) out.push(`'${part.textContent.slice(0, 40)}' is outside`);
      }
      for (const part of document.querySelectorAll(".legend > span, .sequence .strip > *, .ladder .tap, .hops, .trips")) {
        const box = part.getBoundingClientRect(), whole = part.closest(".legend, .sequence, .ladder, .details").getBoundingClientRect();
        if (box.width && (box.right > whole.right + 1 || box.left < whole.left - 1)) out.push(`'${part.textContent.slice(0, 40)}' is outside of its part`);
      }
      for (const card of document.querySelectorAll(".leg, .joint"))
        if (card.scrollHeight > card.clientHeight + 1 || card.scrollWidth > card.clientWidth + 1) out.push(`'${card.textContent.slice(0, 40)}' is larger than its card`);
      const lanes = document.querySelector(".lanes");
      if (lanes && lanes.querySelectorAll(".leg").length <= 5 && lanes.scrollWidth > lanes.clientWidth + 1) out.push(`five legs need ${lanes.scrollWidth} of ${lanes.clientWidth}`);
      for (const box of document.querySelectorAll(".over, .columns > section, .table, .facets"))
        if (box.scrollWidth > box.clientWidth + 1) out.push(`'${box.getAttribute("aria-label") ?? box.textContent.slice(0, 30)}' needs ${box.scrollWidth} of ${box.clientWidth}`);
      const cut = (part) => part.clientWidth > 0 && part.scrollWidth > part.clientWidth + 1;
      for (const part of document.querySelectorAll(".table .head span, .table .head button, .table .row button.plain, .facet button.plain, .plain-table td, .plain-table th"))
        if (cut(part) && !part.querySelector(".cut")) out.push(`'${part.textContent.slice(0, 40)}' is cut`);
      for (const address of document.querySelectorAll(".table .row .cut"))
        if (cut(address.firstChild) && !/:.*:/.test(address.textContent)) out.push(`'${address.textContent}' is cut`);
      for (const list of document.querySelectorAll(".facets section")) {
        const tails = [...list.querySelectorAll(".cut")].filter((one) => cut(one.firstChild)).map((one) => one.lastChild.textContent);
        if (new Set(tails).size < tails.length) out.push(`entries of '${list.querySelector("h3").textContent}' look alike: ${tails}`);
      }
      const ruler = document.createElement("canvas").getContext("2d");
      for (const input of document.querySelectorAll("input[placeholder]")) {
        const style = getComputedStyle(input);
        ruler.font = style.font;
        const need = ruler.measureText(input.placeholder).width, room = input.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
        if (input.clientWidth && need > room) out.push(`the hint '${input.placeholder}' needs ${Math.round(need)} of ${Math.round(room)}`);
      }
      for (const text of document.querySelectorAll(".topology text")) {
        const own = text.getBoundingClientRect(), card = text.parentNode.querySelector("rect").getBoundingClientRect(), whole = text.ownerSVGElement.parentNode.getBoundingClientRect();
        if (own.right > card.right + 1 || own.right > whole.right + 1) out.push(`'${text.textContent}' is outside of its node`);
      }
      const light = (colour) => colour.match(/[\d.]+/g).slice(0, 3).map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
      for (const grade of document.querySelectorAll(".grade")) {
        const style = getComputedStyle(grade), [a, b] = [light(style.color), light(style.backgroundColor)].sort((x, y) => y - x);
        if ((a + 0.05) / (b + 0.05) < 4.5) out.push(`grade ${grade.textContent}: contrast ${((a + 0.05) / (b + 0.05)).toFixed(1)}`);
      }
      return out;
    });
    for (const one of words) this.faults.push(`${where}: ${one}`);
  }

  close() {
    return this.driver.close();
  }
}

/** The file that a click on the button saves. */
export async function downloaded(page, button) {
  const [file] = await Promise.all([page.waitForEvent("download"), button.click()]);
  assert.ok(!file.url().startsWith("blob:"), "the browser's own download, not the page's memory");
  return file.path();
}

/** What tshark reads in a capture, a line a frame: interface, protocols. */
export function framesOf(file) {
  const done = spawnSync("tshark", ["-r", file, "-T", "fields", "-e", "frame.interface_id", "-e", "frame.protocols"], { encoding: "utf8" });
  assert.equal(done.status, 0, done.stderr);
  return done.stdout.trim().split("\n").filter(Boolean);
}
