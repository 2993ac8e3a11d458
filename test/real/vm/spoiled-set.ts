/** A host with Secure Boot on whose inactive set is spoiled in one way after the other, and booted. */
import { expect } from "bun:test";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { newer, older, PublishedImages } from "./published-images.ts";
import { spoiledKernel, type Mistake } from "./spoiled-kernel.ts";
import { UpdatingHost } from "./updating-host.ts";

/** Where the host has the kernel of the inactive set. */
export const kernelPath = "/efi/EFI/orlop/b.efi";

export class SpoiledSet implements AsyncDisposable {
  readonly updating: UpdatingHost;
  /** What is put here, the host can fetch. */
  readonly served: string;
  readonly #published: PublishedImages;

  private constructor(updating: UpdatingHost, published: PublishedImages, served: string) {
    this.updating = updating;
    this.#published = published;
    this.served = served;
  }

  static async boot(name: string): Promise<SpoiledSet> {
    const published = await PublishedImages.open(name);
    const served = join(published.directory, "spoiled");
    await mkdir(served);
    const userData = published.userData("[settings]", 'motd = "kept"');
    const image = published.images.older.image;
    return new SpoiledSet(await UpdatingHost.boot(name, { userData, image, secureBoot: true }), published, served);
  }

  /** Puts a file that this computer has made onto the host. */
  async fetched(name: string, path: string): Promise<void> {
    const url = this.#published.url(`spoiled/${name}`);
    const fetch = `curl --fail --silent --show-error -o ${path} ${url} && sync -f ${path}`;
    await this.updating.host.shell.run(fetch, 120_000);
  }

  async spoil(name: string, mistake: Mistake, signed?: "nobody" | "not"): Promise<void> {
    await spoiledKernel(this.#published.images.newer, join(this.served, name), mistake, signed);
    await this.fetched(name, kernelPath);
  }

  /** Boots the set as it is, and gives the reason for which the host came back from it. */
  async reasonOfReturn(label: string): Promise<string> {
    const { host } = this.updating;
    await host.shell.run(`signpost mark-inactive-valid ${newer}`);
    await this.updating.activate();
    const { version, reason, seconds } = await this.updating.rebootAndReturn();
    console.log(`broken updates: ${label}: back after ${seconds.toFixed(0)} s: ${reason}`);
    expect(version).toBe(newer);
    expect(await this.updating.version()).toBe(older);
    expect(await host.shell.run("cat /etc/motd")).toBe("kept");
    const [beginning] = /^[^|;]{1,60}/.exec(reason) ?? [reason];
    expect(await host.shell.run("apiclient status")).toContain(beginning);
    expect((await host.running.consoleLines()).join("\n")).toContain(`update: went back from ${newer}: ${beginning}`);
    await this.updating.release(newer);
    return reason;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.updating[Symbol.asyncDispose]();
    this.#published[Symbol.dispose]();
  }
}
