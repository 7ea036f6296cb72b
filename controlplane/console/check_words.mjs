// SPDX-License-Identifier: Apache-2.0
// Every text that the console shows has its Chinese: prints what is missing or no longer used; exit 1 when something is.
import { readdirSync, readFileSync } from "node:fs";

const used = new Set();
for (const name of readdirSync("src")) {
  if (name.startsWith("words")) continue;
  const text = readFileSync(`src/${name}`, "utf8");
  for (const [, words] of text.matchAll(/\bt\("((?:[^"\\]|\\.)*)"/g)) used.add(JSON.parse(`"${words}"`));
}
const zh = readFileSync("src/words_zh.ts", "utf8");
const known = new Map([...zh.matchAll(/^ {2}"((?:[^"\\]|\\.)*)": "((?:[^"\\]|\\.)*)",$/gm)].map(([, a, b]) => [JSON.parse(`"${a}"`), b]));
const missing = [...used].filter((words) => !known.has(words));
const unused = [...known.keys()].filter((words) => !used.has(words));
const marks = (text) => [...text.matchAll(/\{\d\}/g)].map(([m]) => m).sort().join();
const wrong = [...used].filter((words) => known.has(words) && marks(words) !== marks(known.get(words)));
for (const words of missing) console.log(`missing: ${words}`);
for (const words of unused) console.log(`unused: ${words}`);
for (const words of wrong) console.log(`placeholders differ: ${words}`);
process.exit(missing.length + unused.length + wrong.length ? 1 : 0);
