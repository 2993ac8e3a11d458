/** What the updater remembers, in force and on disk. */
import { defined } from "../../lib/defined.ts";
import { Failure } from "../../lib/failure.ts";
import { kept } from "../kept/things.ts";
import type { System } from "../machine/system.ts";
import { heldLimit, nothingKnown, type FailedVersion, type Memory } from "./memory.ts";
import type { UpdateCommand } from "./state.ts";

export class KeptMemory {
  readonly #system: System;
  #memory: Memory;

  private constructor(system: System, memory: Memory) {
    this.#system = system;
    this.#memory = memory;
  }

  static async open(system: System): Promise<KeptMemory> {
    return new KeptMemory(system, (await kept.updates.read(system)) ?? nothingKnown);
  }

  get current(): Memory {
    return this.#memory;
  }

  /** Nothing changes when the disk does not take it. */
  async remember(memory: Memory): Promise<void> {
    const limited = { ...memory, held: memory.held.slice(-heldLimit) };
    await kept.updates.replace(this.#system, limited);
    this.#memory = limited;
  }

  /** Counts as long as this daemon runs, also when the disk takes nothing more. */
  async note(memory: Memory): Promise<void> {
    this.#memory = memory;
    try {
      await this.remember(memory);
    } catch (error) {
      this.#system.log.error("update: cannot keep what is known of updates", error);
    }
  }

  async began(command: UpdateCommand): Promise<void> {
    await this.note({ ...this.#memory, running: { command, at: this.#system.clock.now().toISOString() } });
  }

  /** @param failure why it failed; absent when it went well */
  async ended(command: UpdateCommand, failure: string | undefined): Promise<void> {
    const { running: _, ...rest } = this.#memory;
    await this.note({ ...rest, last: { command, at: this.#nextTime(), ...defined({ failure }) } });
  }

  /** A version that failed here is not tried again, and is no longer the chosen one. */
  async hold(failed: FailedVersion): Promise<void> {
    const { chosen, ...rest } = this.#memory;
    const stays = chosen === undefined || chosen.image.version === failed.version ? {} : { chosen };
    await this.note({ ...rest, ...stays, held: [...rest.held, failed] });
  }

  /** @throws {Failure<"no-such-hold">} */
  assertHeld(version: string): void {
    const { held } = this.#memory;
    if (held.some((failed) => failed.version === version)) return;
    const known = held.map((failed) => failed.version).join(", ");
    throw new Failure("no-such-hold", `cannot release ${version}: it is not held back on this host`, {
      hint: `held back: ${known === "" ? "nothing" : known}`,
    });
  }

  async release(version: string): Promise<void> {
    await this.remember({ ...this.#memory, held: this.#memory.held.filter((failed) => failed.version !== version) });
  }

  /** Clients know a new result by its time, so it is later than the last one's, whatever the clock does. */
  #nextTime(): string {
    const { last } = this.#memory;
    const afterLastMs = last === undefined ? 0 : Date.parse(last.at) + 1;
    return new Date(Math.max(this.#system.clock.now().getTime(), afterLastMs)).toISOString();
  }
}
