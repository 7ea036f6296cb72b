// SPDX-License-Identifier: Apache-2.0
// English is the key; words_zh.ts has the Chinese. Gates of the build check that none is missing.
import { settings } from "./settings";
import { inChinese } from "./sentences_zh";
import { chinese } from "./words_zh";

/** {0}, {1} … are filled in. */
export function t(english: string, ...values: (string | number)[]): string {
  const text = settings.language === "zh" ? chinese[english] ?? english : english;
  return values.reduce<string>((out, value, i) => out.replace(`{${i}}`, String(value)), text);
}

/** A sentence of the API, in the reader's language where it is known there. */
export const said = (sentence: string): string => (settings.language === "zh" ? inChinese(sentence) : sentence);
