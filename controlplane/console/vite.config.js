// SPDX-License-Identifier: Apache-2.0
// Builds the console into --outDir: hashed names under assets/, a gzip twin beside each text, the licences of what is in it.
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { defineConfig } from "vite";

const bundled = ["preact", "uplot", "@tanstack/virtual-core"];

function licences() {
  return bundled
    .map((name) => {
      const folder = join("node_modules", name);
      const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
      const file = ["LICENSE", "LICENSE.md", "license"].map((n) => join(folder, n)).find(existsSync);
      return `${name} ${version} (${license})\n\n${file ? readFileSync(file, "utf8") : ""}`;
    })
    .join("\n" + "-".repeat(80) + "\n\n");
}

function files(folder) {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? files(path) : [path];
  });
}

const twins = {
  name: "gzip-twins",
  apply: "build",
  writeBundle({ dir }) {
    writeFileSync(join(dir, "licences.txt"), licences());
    for (const path of files(dir))
      if (/\.(js|css|html|svg|txt)$/.test(path)) writeFileSync(path + ".gz", gzipSync(readFileSync(path), { level: 9 }));
  },
};

export default defineConfig({
  base: "/",
  plugins: [twins],
  esbuild: { jsx: "automatic", jsxImportSource: "preact" },
  build: { target: "es2020", sourcemap: false, modulePreload: { polyfill: false }, assetsInlineLimit: 0, emptyOutDir: true },
});
