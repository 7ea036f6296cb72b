// SPDX-License-Identifier: Apache-2.0
// Parts of the console that need no page, built for a test alone: what they export, as one module.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const console_ = resolve(new URL("../../controlplane/console", import.meta.url).pathname), require = createRequire(join(console_, "x"));

/** Ends the test as skipped where npm's packages are not there. */
export async function consoleParts(parts) {
  let esbuild;
  try {
    esbuild = createRequire(require.resolve("vite"))("esbuild");
  } catch {
    console.log(`SKIPPED, NOTHING OF ${parts.join(", ").toUpperCase()} WAS TESTED: npm's packages are not there: './dev build' fetches them`);
    process.exit(77);
  }
  const folder = mkdtempSync(join(tmpdir(), "clew-console-parts-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "all.ts"), parts.map((part) => `export * from ${JSON.stringify(join(console_, "src", part))};`).join("\n"));
  await esbuild.build({ entryPoints: [join(folder, "all.ts")], outfile: join(folder, "all.mjs"), bundle: true, format: "esm", logLevel: "error", nodePaths: [join(console_, "node_modules")] });
  return import(pathToFileURL(join(folder, "all.mjs")));
}
