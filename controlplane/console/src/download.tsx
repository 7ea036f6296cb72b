// SPDX-License-Identifier: Apache-2.0
// The packets of a path as pcapng, saved as a file: what is missing in it is said, and it can be cancelled while it comes.
import { useEffect, useRef, useState } from "preact/hooks";
import { bytes } from "./time";
import { t } from "./words";

function save(blob: Blob, name: string): void {
  const link = document.createElement("a"), address = URL.createObjectURL(blob);
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

const gatheredBytes = 8 << 20, partialMark = "not every packet is in this file: ";

/** What the file's last block says is missing: its comment is the only text behind the mark. */
async function missingIn(file: Blob): Promise<string> {
  if (file.size < 12) return "";
  const length = new DataView(await file.slice(-4).arrayBuffer()).getUint32(0, true);
  const block = new Uint8Array(await file.slice(-length).arrayBuffer()), text = new TextDecoder().decode(block), at = text.indexOf(partialMark);
  return at < 0 ? "" : text.slice(at + partialMark.length).split("\0")[0]!;
}

/** Parts go into a blob as they come: a browser keeps large ones on disk. */
async function fetched(address: string, signal: AbortSignal, came: (size: number) => void): Promise<{ blob: Blob; partial: string }> {
  const response = await fetch(address, { signal });
  if (!response.ok) throw new Error(((await response.json()) as { error?: string }).error ?? `HTTP ${response.status}`);
  const reader = response.body!.getReader(), type = "application/x-pcapng";
  let blob = new Blob([], { type }), parts: Uint8Array<ArrayBuffer>[] = [], gathered = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    gathered += part.value.length;
    came(blob.size + gathered);
    if (gathered < gatheredBytes) continue;
    blob = new Blob([blob, ...parts], { type });
    parts = [];
    gathered = 0;
  }
  blob = new Blob([blob, ...parts], { type });
  return { blob, partial: await missingIn(blob) };
}

export function Download(props: { address: string; name: string; label: string }) {
  const [size, setSize] = useState(-1); // below 0: none comes
  const [told, setTold] = useState("");
  const running = useRef<AbortController>();
  useEffect(() => () => running.current?.abort(), []);
  const begin = async () => {
    const abort = (running.current = new AbortController());
    setTold("");
    setSize(0);
    try {
      const { blob, partial } = await fetched(props.address, abort.signal, setSize);
      save(blob, props.name);
      if (partial) setTold(`${t("Partial")}: ${partial}`);
    } catch (failure) {
      if (!abort.signal.aborted) setTold((failure as Error).message);
    }
    setSize(-1);
  };
  return (
    <>
      {size < 0 ? <button class="download" onClick={begin}>{props.label}</button> : <button class="download" onClick={() => running.current?.abort()}>{t("Cancel ({0} so far)", bytes(size))}</button>}
      {told && <span class="told" role="status">{told}</span>}
    </>
  );
}
