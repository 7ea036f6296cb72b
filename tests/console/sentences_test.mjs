// SPDX-License-Identifier: Apache-2.0
// The API's sentences in Chinese: those that are known, several in one, and those that are not. `node sentences_test.mjs`
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { consoleParts } from "./console_parts.mjs";

const { inChinese } = await consoleParts(["sentences_zh"]);

test("a sentence with its numbers", () => {
  assert.equal(inChinese("these are the most abnormal 200 paths and there are more; ask for more, or narrow the time or the filter"), "这是最异常的 200 条路径，还有更多；请要求更多，或缩小时间范围或过滤条件");
  assert.equal(inChinese("there is no path ffffffffffffffff, or it is older than the store keeps"), "没有路径 ffffffffffffffff，或它早于存储的保留期");
});

test("several in one, each with its observer's name", () => {
  assert.equal(inChinese("edge-1: this sensor keeps no packet headers (header_count_max is 0); nobody who sees tap 'core' has connected since this control plane started"),
    "edge-1：此传感器不保留报文头（header_count_max 为 0）；自控制面启动以来，没有能看到采集点 core 的传感器连接");
});

test("what is not known stays as it is, whole", () => {
  for (const text of ["something that nobody translated; and more of it", "no field 'ip.adr'; known are a, b", ""]) assert.equal(inChinese(text), text);
});

test("the sentences are still the API's", () => {
  const folder = resolve(new URL("../../controlplane", import.meta.url).pathname);
  const sources = ["", "store"].flatMap((part) => readdirSync(join(folder, part)).filter((name) => name.endsWith(".cpp")).map((name) => readFileSync(join(folder, part, name), "utf8"))).join("\n");
  for (const words of ["ms and was ended; narrow the time or the filter", " paths and there are more; ask for more, or narrow the time or the filter", " services; those with the most paths are here", " with the most paths are drawn, the others stand together",
    "' has connected since this control plane started", " pairs of clocks; those that most paths showed are here", " edges: only those with the most paths are counted", ", or it is older than the store keeps"])
    assert.ok(sources.includes(words), words);
});
