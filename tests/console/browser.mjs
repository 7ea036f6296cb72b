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

  /** Nothing is wider than its screen, and no word of the bar is cut. */
  async fits(page, where) {
    const words = await page.evaluate(() => {
      const out = [];
      if (document.documentElement.scrollWidth > innerWidth + 1) out.push(`the page is ${document.documentElement.scrollWidth} wide`);
      for (const part of document.querySelectorAll(".bar nav a, .bar button, .strip > *, h1, h2")) {
        const box = part.getBoundingClientRect();
        if (box.width && (box.right > innerWidth + 1 || box.left < -1)) out.push(`'${part.textContent.slice(0, 40)}' is outside`);
      }
      for (const card of document.querySelectorAll(".leg, .joint"))
        if (card.scrollHeight > card.clientHeight + 1 || card.scrollWidth > card.clientWidth + 1) out.push(`'${card.textContent.slice(0, 40)}' is larger than its card`);
      const lanes = document.querySelector(".lanes");
      if (lanes && lanes.querySelectorAll(".leg").length <= 5 && lanes.scrollWidth > lanes.clientWidth + 1) out.push(`five legs need ${lanes.scrollWidth} of ${lanes.clientWidth}`);
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
  return file.path();
}

/** What tshark reads in a capture, a line a frame: interface, protocols. */
export function framesOf(file) {
  const done = spawnSync("tshark", ["-r", file, "-T", "fields", "-e", "frame.interface_id", "-e", "frame.protocols"], { encoding: "utf8" });
  assert.equal(done.status, 0, done.stderr);
  return done.stdout.trim().split("\n").filter(Boolean);
}
