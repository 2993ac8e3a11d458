/** What a host, its kubelet or a person may do to a node next. */
import { nodePod } from "../../worlds/fleet/snapshots.ts";
import type { FleetNode } from "../../../cluster/roll-out/snapshot.ts";
import { booted, judged, leavingFor, ownState, rebooted, reportOf, type HostModel } from "./host-model.ts";
import { bare, type FleetModelOptions, Memo, type ModelObjects, moments } from "./model-objects.ts";

/** `node` and `host` are what they become; crashes and deeds of persons are those that it costs. */
export type LocalMove = { label: string; node: number; host: number; crashes: number; person: number };

export class LocalMoves {
  readonly #objects: ModelObjects;
  readonly #options: FleetModelOptions;
  readonly #known = new Memo<LocalMove[]>();

  constructor(objects: ModelObjects, options: FleetModelOptions) {
    this.#objects = objects;
    this.#options = options;
  }

  of(node: number, host: number): readonly LocalMove[] {
    return this.#known.get([node, host], () => [
      ...this.#ofHost(node, host),
      ...this.#ofObedience(node, host),
      ...this.#ofPerson(node, host),
    ]);
  }

  /** Kubelet and host report together: that one of them is later than the other is not in the model. */
  #ofHost(nodeId: number, hostId: number): LocalMove[] {
    const [node, host] = [this.#objects.nodes.value(nodeId), this.#objects.hosts.value(hostId)];
    const to = (label: string, next: HostModel, object = node, crashes = 0): LocalMove => ({
      label,
      node: this.#objects.nodes.id(bare(object)),
      host: this.#objects.hosts.id(next),
      crashes,
      person: 0,
    });
    if (!host.up) return [to("boots", booted(host))];
    if (host.leaving) return [to("goes down", rebooted(host))];
    const moves: LocalMove[] = [to("crashes", rebooted(host), node, 1)];
    const { boot } = ownState(host);
    const report = reportOf(host, acceptedBy(host, node));
    if (JSON.stringify(report) !== JSON.stringify(node.report)) {
      moves.push(to("reports", host, { ...node, report, kubeletBoot: boot }));
    }
    if (host.onTrial && this.#options.version !== "bad") moves.push(to("proves healthy", judged(host, true)));
    if (host.onTrial && this.#options.version !== "good") moves.push(to("goes back", judged(host, false)));
    if (node.cordon === "none" && !host.pods) moves.push(to("gets pods", { ...host, pods: true }));
    return moves;
  }

  #ofObedience(nodeId: number, hostId: number): LocalMove[] {
    const [node, host] = [this.#objects.nodes.value(nodeId), this.#objects.hosts.value(hostId)];
    if (!host.up || host.leaving) return [];
    const accepted = acceptedBy(host, node);
    const own = {
      unschedulable: node.cordon !== "none",
      claim: node.marks.claim,
      over: node.marks.over,
      order: node.order,
      accepted,
      pods: host.pods ? [nodePod("web")] : [],
    };
    const to = (label: string, next: HostModel, report = node.report): LocalMove => ({
      label,
      node: this.#objects.nodes.id(bare({ ...node, report })),
      host: this.#objects.hosts.id(next),
      crashes: 0,
      person: 0,
    });
    return moments.flatMap((at) => {
      const answer = this.#options.obey(ownState(host), own, at);
      if (answer.kind === "accept") return [to(`accepts ${answer.order.do}`, host, reportOf(host, answer.order.id))];
      if (answer.kind === "reboot") {
        const { version } = answer.order;
        return [to(`reboots by order into ${version}`, leavingFor(host, version))];
      }
      if ((answer.kind !== "refuse" && answer.kind !== "rest") || accepted === undefined) return [];
      return [to("takes its word back", host, reportOf(host, undefined))];
    });
  }

  #ofPerson(nodeId: number, host: number): LocalMove[] {
    const node = this.#objects.nodes.value(nodeId);
    const cordon = node.cordon === "none" ? "another's" : "none";
    const label = `is ${cordon === "none" ? "uncordoned" : "cordoned"} by a person`;
    return [{ label, node: this.#objects.nodes.id({ ...node, cordon }), host, crashes: 0, person: 1 }];
  }
}

function acceptedBy(host: HostModel, { report }: FleetNode): string | undefined {
  return report !== undefined && report.boot === ownState(host).boot ? report.accepted : undefined;
}
