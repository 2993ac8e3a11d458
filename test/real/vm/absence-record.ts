/** What becomes of the nodes of a fleet, and when: by a watch, so that nothing that lasts for a moment is missed. */
import { annotations } from "../../../api/fleet/annotations.ts";
import { HostReport } from "../../../api/fleet/host-report.ts";
import { Order } from "../../../api/fleet/order.ts";
import { noted } from "../../../kubernetes/annotation.ts";
import { Cache } from "../../../kubernetes/cache.ts";
import type { KubernetesClient } from "../../../kubernetes/client.ts";
import { type NodeObject, nodes, type Pod, pods } from "../../../kubernetes/objects.ts";

/** What is seen of a node while it is away, when it began to be so, by the clock of `performance`. */
type Seen = {
  cordoned: number;
  /** The first of its pods was told to end. */
  leaving?: number;
  drained?: number;
  ordered?: number;
  /** By the host, which reboots now. */
  accepted?: number;
  /** Kubelet of the new boot says so, and the node is ready. */
  ready?: number;
  /** The host of the new boot says so. */
  proved?: number;
  uncordoned?: number;
};

type Away = { boot: string; seen: Seen };

export class AbsenceRecord implements AsyncDisposable {
  readonly #nodes: Cache<NodeObject>;
  readonly #pods: Cache<Pod>;
  readonly #stop = new AbortController();
  #work: Promise<unknown> = Promise.resolve();
  readonly #away = new Map<string, Away>();
  readonly #absences = new Map<string, Required<Seen>[]>();
  readonly #boots = new Map<string, Set<string>>();
  /** Unschedulable at the same time, at most. */
  mostAway = 0;

  private constructor(client: KubernetesClient) {
    this.#nodes = new Cache(client, nodes, { onFailure: () => undefined });
    this.#pods = new Cache(client, pods, { onFailure: () => undefined });
  }

  static start(client: KubernetesClient): AbsenceRecord {
    const record = new AbsenceRecord(client);
    const { signal } = record.#stop;
    const follow = async (cache: Cache<NodeObject> | Cache<Pod>): Promise<never> => {
      for (;;) {
        const { changes } = cache;
        for (const node of record.#nodes.objects.values()) record.#see(node);
        await cache.changedSince(changes, signal);
      }
    };
    record.#work = Promise.allSettled([
      record.#nodes.keep(signal),
      record.#pods.keep(signal),
      follow(record.#nodes),
      follow(record.#pods),
    ]);
    return record;
  }

  isSchedulable(name: string): boolean {
    return this.#nodes.get(name)?.spec.unschedulable === false;
  }

  /** Undefined as long as the host reports nothing. */
  report(name: string): HostReport | undefined {
    return reportOn(this.#nodes.get(name));
  }

  /** How many boots of its host were seen. */
  bootsOf(name: string): number {
    return this.#boots.get(name)?.size ?? 0;
  }

  /** Each time that it was away, rebooted and came back, the newest last. */
  absencesOf(name: string): readonly Required<Seen>[] {
    return this.#absences.get(name) ?? [];
  }

  #see(node: NodeObject): void {
    const { name } = node.metadata;
    const report = reportOn(node);
    if (report === undefined) return;
    this.#boots.set(name, (this.#boots.get(name) ?? new Set()).add(report.boot));
    const away = this.#away.get(name);
    if (node.spec.unschedulable) {
      const known = away ?? { boot: report.boot, seen: { cordoned: performance.now() } };
      this.#away.set(name, known);
      this.mostAway = Math.max(this.mostAway, this.#away.size);
      this.#seeAway(node, report, known);
    } else if (away !== undefined) {
      this.#away.delete(name);
      const { leaving, drained, ordered, accepted, ready, proved, ...rest } = away.seen;
      if (leaving === undefined || drained === undefined || ordered === undefined) return;
      if (accepted === undefined || ready === undefined || proved === undefined) return;
      const absence = { ...rest, leaving, drained, ordered, accepted, ready, proved, uncordoned: performance.now() };
      this.#absences.set(name, [...this.absencesOf(name), absence]);
    }
  }

  #seeAway({ metadata, status }: NodeObject, report: HostReport, { boot, seen }: Away): void {
    const now = performance.now();
    const left = [...this.#pods.objects.values()].filter(({ spec }) => spec.nodeName === metadata.name);
    if (left.some((pod) => pod.metadata.deletionTimestamp !== undefined)) seen.leaving ??= now;
    if (seen.leaving !== undefined && left.length === 0) seen.drained ??= now;
    const order = noted(Order, metadata.annotations[annotations.order]);
    if (order?.boot === boot && order.do !== "prepare") seen.ordered ??= now;
    if (order !== undefined && report.accepted === order.id) seen.accepted ??= now;
    const isReady = status.conditions.some(({ type, status: value }) => type === "Ready" && value === "True");
    if (isReady && status.nodeInfo !== undefined && status.nodeInfo.bootID !== boot) seen.ready ??= now;
    if (report.boot !== boot && !report.onTrial) seen.proved ??= now;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#work;
  }
}

function reportOn(node: NodeObject | undefined): HostReport | undefined {
  return noted(HostReport, node?.metadata.annotations[annotations.report]);
}

export type AbsenceParts = { part: string; seconds: number; avoidable: boolean }[];

/** What a time away was spent on. What no operator can avoid is told apart from what this one adds. */
export function partsOf({ cordoned, leaving, drained, ordered, accepted, ready, proved, uncordoned }: Required<Seen>) {
  const part = (label: string, from: number, to: number, avoidable: boolean) => ({
    part: label,
    seconds: Math.max(0, to - from) / 1000,
    avoidable,
  });
  return [
    part("until the first pod is asked to go", cordoned, leaving, true),
    part("until all pods have gone", leaving, drained, false),
    part("until the host has its order", drained, ordered, true),
    part("until the host has accepted it", ordered, accepted, true),
    part("until it has rebooted and the node is ready", accepted, ready, false),
    part("until the host has proved its version", ready, proved, false),
    part("until the node is uncordoned", Math.max(ready, proved), uncordoned, true),
  ] satisfies AbsenceParts;
}
