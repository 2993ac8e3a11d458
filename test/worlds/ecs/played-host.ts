/** A host of an ECS cluster that is played: it obeys `apiclient` as a host does, in the words of the API. */
import { randomUUID } from "node:crypto";
import type { UpdateStatusBody } from "../../../api/status.ts";
import type { ClusterHost, Ran, SentCommand } from "./cluster-host.ts";

/** How it does at its next boot into a new version. */
export type NextBoot = "proves healthy" | "goes back" | "never comes back";

const image = (version: string) => ({ arch: "x86_64", version, variant: "aws-ecs-1" });

export class PlayedHost implements ClusterHost {
  readonly instance: string;
  version = "1.0.0";
  /** What its repository offers it. */
  offer: string | undefined = "1.1.0";
  boot: string = randomUUID();
  fate: NextBoot = "proves healthy";
  /** It is rebooting. */
  away = false;
  /** No command reaches it, or ends. */
  hangs = false;
  /** Why the next `update apply` fails. */
  applyFailure: string | undefined;
  reboots = 0;
  /** How many tasks were left when it rebooted. */
  tasksAtReboot: number[] = [];
  #ready = false;
  #held: { version: string; at: string; reason: string }[] = [];
  #onTrial = false;

  constructor(instance: string) {
    this.instance = instance;
  }

  async run({ lines, bootId }: SentCommand, tasksLeft: number): Promise<Ran> {
    const isMeant = bootId === "" || bootId === this.boot;
    // The last line of a document is its command; the one before it is about the boot, and is run on a real host.
    return await Promise.resolve(isMeant ? this.#obey(lines.at(-1) ?? "", tasksLeft) : done(""));
  }

  #obey(command: string, tasksLeft: number): Ran {
    switch (command) {
      case "apiclient update check":
        return done(JSON.stringify(this.#updateStatus(), null, 2));
      case "apiclient update apply":
        return this.#apply();
      case "apiclient status --json":
        return done(JSON.stringify(this.#status(), null, 2));
      case "apiclient reboot":
        this.reboots++;
        this.tasksAtReboot.push(tasksLeft);
        this.#reboot();
        return done("");
      default:
        return { ok: false, output: "", errors: `sh: ${command}: not found` };
    }
  }

  #apply(): Ran {
    if (this.applyFailure !== undefined) return { ok: false, output: "", errors: `${this.applyFailure}\n` };
    if (this.#state() !== "Available") return { ok: false, output: "", errors: "cannot apply an update\n" };
    this.#ready = true;
    return done(JSON.stringify(this.#updateStatus()));
  }

  /** Is away for a moment, and then another boot. */
  #reboot(): void {
    this.away = true;
    const isUpdate = this.#ready && this.offer !== undefined;
    if (isUpdate && this.fate === "never comes back") return;
    setTimeout(() => {
      this.away = false;
      this.boot = randomUUID();
      if (!isUpdate || this.offer === undefined) return;
      this.#ready = false;
      if (this.fate === "goes back") {
        const reason = "not healthy after 120 s: docker.service is failed";
        this.#held.push({ version: this.offer, at: "2026-12-01T12:00:00Z", reason });
        this.offer = undefined;
        return;
      }
      this.version = this.offer;
      this.#onTrial = true;
      setTimeout(() => void (this.#onTrial = false), 60);
    }, 60);
  }

  #state(): UpdateStatusBody["update_state"] {
    if (this.#ready) return "Ready";
    return this.offer === undefined || this.offer === this.version ? "Idle" : "Available";
  }

  #updateStatus(): UpdateStatusBody {
    const state = this.#state();
    const offer = state === "Available" && this.offer !== undefined ? this.offer : undefined;
    return {
      update_state: state,
      available_updates: offer === undefined ? [] : [offer],
      chosen_update: offer === undefined ? null : image(offer),
      active_partition: { image: image(this.version), next_to_boot: state !== "Ready" },
      staging_partition:
        state === "Ready" && this.offer !== undefined ? { image: image(this.offer), next_to_boot: true } : null,
      most_recent_command: {
        cmd_type: "refresh",
        cmd_status: "Success",
        timestamp: "2026-12-01T12:00:00Z",
        exit_status: 0,
        stderr: "",
      },
    };
  }

  /** The part of it that the updater reads, and something that it does not know. */
  #status(): object {
    return {
      os: { arch: "x86_64", build_id: "b", pretty_name: "Orlop", variant_id: "aws-ecs-1", version_id: this.version },
      hostname: this.instance,
      bootId: this.boot,
      ...(this.#onTrial ? { update: { stage: "on-trial", version: this.version, missing: [] } } : {}),
      ...(this.#held.length === 0 ? {} : { heldUpdates: this.#held }),
      ecs: { cluster: "boats", ready: true, reasons: [] },
      ofTomorrow: true,
    };
  }
}

const done = (output: string): Ran => ({ ok: true, output, errors: "" });
