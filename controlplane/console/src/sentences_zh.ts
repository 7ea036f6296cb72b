// SPDX-License-Identifier: Apache-2.0
// The API speaks English sentences. Those that readers meet most are told in Chinese; the others stay as they are.
const sentences: [RegExp, string][] = [
  [/^the (?:search|question) took longer than (\d+) ms and was ended; narrow the time or the filter$/, "查询超过 {1} 毫秒，已结束；请缩小时间范围或过滤条件"],
  [/^these are the (newest|oldest|most abnormal) (\d+) paths and there are more; ask for more, or narrow the time or the filter$/, "这是{1}的 {2} 条路径，还有更多；请要求更多，或缩小时间范围或过滤条件"],
  [/^these are the (newest|oldest|most abnormal) (\d+) paths: with more the answer would be larger than (\d+) MiB; go on by the cursor$/, "这是{1}的 {2} 条路径：再多则应答超过 {3} MiB；请用游标继续"],
  [/^there are more than (\d+) edges: only those with the most paths are counted$/, "边超过 {1} 条：只计路径最多的"],
  [/^there are more than (\d+) pairs of clocks; those that most paths showed are here$/, "时钟对超过 {1} 个；这里是最多路径所示的"],
  [/^the pairs have more than (\d+) points over time: the last ones are missing; narrow the time or ask for fewer$/, "时间点超过 {1} 个：缺少最后的；请缩小时间范围或减少数量"],
  [/^there are more than (\d+) services; those with the most paths are here$/, "服务超过 {1} 个；这里是路径最多的"],
  [/^(\d+) nodes: the (\d+) with the most paths are drawn, the others stand together$/, "共 {1} 个节点：画出路径最多的 {2} 个，其余合在一起"],
  [/^only the first (\d+) packets are (?:shown|here); (?:ladder_table has more, or )?narrow the time$/, "只显示前 {1} 个报文；请缩小时间范围"],
  [/^nobody who sees tap '(.*)' has connected since this control plane started$/, "自控制面启动以来，没有能看到采集点 {1} 的传感器连接"],
  [/^observer '(.*)' did not send the rest in time$/, "传感器 {1} 未能及时发送其余部分"],
  [/^more headers than were asked for were left out$/, "超出所要求数量的报文头已省略"],
  [/^more than (\d+) packet headers: the newest are left out$/, "报文头超过 {1} 个：最新的已省略"],
  [/^this sensor keeps no packet headers \(header_count_max is 0\)$/, "此传感器不保留报文头（header_count_max 为 0）"],
  [/^this sensor has no vault(?:, so it keeps no whole headers| to look back in): give it one \(vault: in its configuration\)$/, "此传感器没有报文库：请在配置中设置（vault:）"],
  [/^(\d+) gateways were forgotten: there are more than .*$/, "网关太多，{1} 个已被遗忘"],
  [/^so many legs share (\d+) of its keys that those were not looked through$/, "它的 {1} 个键由太多连接段共有，未逐一查看"],
  [/^there are more; these are those that most speaks for$/, "还有更多；这里是证据最多的"],
  [/^leg ([0-9a-f]{16}) is not in the linker's window: .*$/, "连接段 {1} 不在关联窗口中：从未到达，或已过期；路径保留其证据"],
  [/^there is no path ([0-9a-f]+), or it is older than the store keeps$/, "没有路径 {1}，或它早于存储的保留期"],
  [/^no path of the last 24 hours begins with '(.*)'$/, "最近 24 小时没有以 {1} 开头的路径"],
  [/^(\d+) paths begin with '(.*)'; give more digits$/, "{1} 条路径以 {2} 开头；请多给几位"],
  [/^'(.*)' is not a path's id: 4 to 16 hexadecimal digits are expected$/, "{1} 不是路径编号：应为 4 到 16 位十六进制数字"],
  [/^clew-control does not answer$/, "clew-control 没有应答"],
];
const words: Record<string, string> = { newest: "最新", oldest: "最早", "most abnormal": "最异常" };

/** "; " stands between several sentences; an observer's own begins with its name. */
export function inChinese(text: string): string {
  const all = parts(text), told = all.map(one);
  return told.some((words, i) => words !== all[i]) ? told.join("；") : text;
}

/** Sentences have "; " within them too: the longest that is known goes first. */
function parts(text: string): string[] {
  const pieces = text.split("; "), out: string[] = [];
  for (let i = 0; i < pieces.length; ) {
    let n = pieces.length;
    while (n > i + 1 && one(pieces.slice(i, n).join("; ")) === pieces.slice(i, n).join("; ")) --n;
    out.push(pieces.slice(i, n).join("; "));
    i = n;
  }
  return out;
}

function one(text: string): string {
  for (const [pattern, chinese] of sentences) {
    const found = pattern.exec(text);
    if (found) return chinese.replace(/\{(\d)\}/g, (_, n) => words[found[Number(n)]!] ?? found[Number(n)] ?? "");
  }
  const named = /^([\w.-]+): (.*)$/.exec(text);
  const rest = named ? one(named[2]!) : "";
  return named && rest !== named[2] ? `${named[1]}：${rest}` : text;
}
