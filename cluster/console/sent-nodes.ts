/** Which nodes are another than those that were sent, and which sentence the nodes of a kind share. */
import type { NodePicture } from "../picture/fleet-picture.ts";
import { type FleetUpdate, likeness, type SentNode } from "./fleet-update.ts";

export class SentNodes {
  /** By name: as text, to compare, and as it was sent. */
  readonly #sent = new Map<string, { text: string; node: SentNode }>();
  #common: Record<string, string> = {};

  /** Everything that was sent so far, for who comes later. */
  get all(): Required<Pick<FleetUpdate, "common" | "nodes">> {
    return { common: this.#common, nodes: { put: [...this.#sent.values()].map(({ node }) => node), gone: [] } };
  }

  /** What is to be sent; empty when nothing is another. */
  renew(nodes: readonly NodePicture[]): Pick<FleetUpdate, "common" | "nodes"> {
    const common = commonSentences(nodes);
    const known = new Set<string>();
    const put: SentNode[] = [];
    for (const { sentence, ...rest } of nodes) {
      known.add(rest.name);
      const node = common[likeness(rest)] === sentence ? rest : { ...rest, sentence };
      const text = JSON.stringify(node);
      if (this.#sent.get(node.name)?.text === text) continue;
      this.#sent.set(node.name, { text, node });
      put.push(node);
    }
    const gone = [...this.#sent.keys()].filter((name) => !known.has(name));
    for (const name of gone) this.#sent.delete(name);
    const isCommonNew = JSON.stringify(common) !== JSON.stringify(this.#common);
    this.#common = common;
    return {
      ...(isCommonNew ? { common } : {}),
      ...(put.length > 0 || gone.length > 0 ? { nodes: { put, gone } } : {}),
    };
  }
}

/** By likeness: the sentence that most of them have, where several do. */
function commonSentences(nodes: readonly NodePicture[]): Record<string, string> {
  const counts = new Map<string, Map<string, number>>();
  for (const node of nodes) {
    const key = likeness(node);
    const sentences = counts.get(key) ?? new Map<string, number>();
    counts.set(key, sentences);
    sentences.set(node.sentence, (sentences.get(node.sentence) ?? 0) + 1);
  }
  const common: Record<string, string> = {};
  for (const [key, sentences] of counts) {
    let [most, count] = ["", 1];
    for (const [text, times] of sentences) if (times > count) [most, count] = [text, times];
    if (count > 1) common[key] = most;
  }
  return common;
}
