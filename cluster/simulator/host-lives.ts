/** What the hosts of a simulated fleet do: they look for updates, obey by the shipping `obey`, reboot, and prove healthy or not. */
import type { NodePod } from "../../api/fleet/node-pods.ts";
import { obey } from "../../host/node/obey.ts";
import { assert } from "../../lib/failure.ts";
import type { FleetNode } from "../roll-out/snapshot.ts";
import type { FleetRecord } from "./fleet-outcome.ts";
import type { FleetScenario } from "./scenario.ts";
import { bootId, hostReport, hostState, OfferedVersions, type SimulatedHost } from "./simulated-host.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** The cluster as hosts meet it. */
export type HostCluster = {
  node(uid: string): FleetNode | undefined;
  podsOn(name: string): readonly NodePod[];
  change(uid: string, change: Partial<FleetNode>): void;
  assertClaimed(node: FleetNode): void;
};

const noVersions: SimulatedHost["held"] = [];

export class HostLives {
  readonly #scenario: FleetScenario;
  readonly #time: VirtualTime;
  readonly #record: FleetRecord;
  readonly #cluster: HostCluster;
  readonly #hosts = new Map<string, SimulatedHost>();
  /** Hosts whose workloads fail with what they run. */
  readonly #ill = new Set<string>();
  readonly #offered: OfferedVersions;

  constructor(scenario: FleetScenario, time: VirtualTime, record: FleetRecord, cluster: HostCluster) {
    this.#scenario = scenario;
    this.#time = time;
    this.#record = record;
    this.#cluster = cluster;
    this.#offered = new OfferedVersions(scenario.manifest, scenario.machines);
  }

  /** A host that looks for updates some time soon. */
  add(name: string): SimulatedHost {
    const host: SimulatedHost = {
      name,
      uid: name,
      boot: 1,
      version: this.#scenario.running,
      seed: this.#time.draw(0, 2047),
      staged: undefined,
      fallback: undefined,
      onTrial: false,
      held: noVersions,
      accepted: undefined,
      looked: false,
    };
    this.#hosts.set(name, host);
    this.#time.after([0, this.#scenario.faults.look], () => {
      host.looked = true;
      this.#report(host);
    });
    return host;
  }

  workloadsFail(name: string): boolean {
    return this.#ill.has(name);
  }

  /** Its Node has an order. */
  obey(name: string): void {
    const host = this.#hosts.get(name);
    const node = this.#cluster.node(name);
    if (host === undefined || node === undefined) return;
    const { now } = this.#time;
    const pods = this.#cluster.podsOn(name);
    const { claim, over } = node.marks;
    const unschedulable = node.cordon !== "none";
    const own = { unschedulable, claim, over, order: node.order, accepted: host.accepted, pods };
    const answer = obey(hostState(host, this.#offered.of(host, now), now), own, now);
    switch (answer.kind) {
      case "prepare":
        return this.#time.after(this.#scenario.faults.download, () => {
          host.staged = answer.order.version;
          this.#report(host);
        });
      case "accept":
        host.accepted = answer.order.id;
        this.#report(host);
        return this.obey(name);
      case "reboot":
        assert(node.cordon === "ours" && pods.length === 0, `I2: ${name} reboots with pods on it`);
        this.#cluster.assertClaimed(node);
        return this.#reboot(host, answer.order.version);
      case "rest":
      case "refuse":
    }
  }

  #report(host: SimulatedHost): void {
    const offers = this.#offered.of(host, this.#time.now);
    this.#cluster.change(host.uid, { report: hostReport(host, this.#scenario.machines, offers) });
  }

  #reboot(host: SimulatedHost, version: string): void {
    assert(host.version !== version, `I3: ${host.name} reboots into ${version}, which it runs`);
    const { faults } = this.#scenario;
    const before = host.version;
    this.#cluster.change(host.uid, { ready: false, readySince: this.#time.now });
    if (this.#time.chance(faults["lost-hosts"])) return;
    this.#time.after(faults.reboot, () => {
      const goesBack = host.fallback === version;
      this.#ill.delete(host.name);
      this.#boots(host, version);
      this.#record.booted(version);
      host.accepted = undefined;
      host.staged = undefined;
      host.fallback = before;
      host.onTrial = !goesBack;
      if (goesBack) {
        host.held = [...host.held, { version: before, reason: "left by order" }];
        this.#record.wentBack();
      }
      this.#report(host);
      if (!goesBack) this.#time.after(faults.prove, () => this.#judge(host, before));
    });
  }

  #boots(host: SimulatedHost, version: string): void {
    host.boot++;
    host.version = version;
    this.#cluster.change(host.uid, { ready: true, readySince: this.#time.now, kubeletBoot: bootId(host) });
  }

  /** The host's own gate: it stays, or the other set boots again. */
  #judge(host: SimulatedHost, before: string): void {
    const { faults } = this.#scenario;
    const fault = faults.bad.find(({ version }) => version === host.version);
    const isBad = fault !== undefined && this.#time.chance(fault.share);
    if (!isBad || fault.shows === "soak") {
      if (isBad) this.#ill.add(host.name);
      host.onTrial = false;
      this.#record.updated(this.#time.elapsedMs);
      return this.#report(host);
    }
    const left = host.version;
    this.#cluster.change(host.uid, { ready: false, readySince: this.#time.now });
    this.#time.after(faults.reboot, () => {
      this.#boots(host, before);
      host.fallback = undefined;
      host.onTrial = false;
      host.held = [...host.held, { version: left, reason: "not healthy in time" }];
      this.#report(host);
    });
  }
}
