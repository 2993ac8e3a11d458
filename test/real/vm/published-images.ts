/**
 * Two images that differ in their version, and a signed repository that offers both: each is the update of the other,
 * as a version lock says.
 */
import { mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { builtImage, type ImageRequest } from "../../../cli/image/built-image.ts";
import { repoCommands, repoGroups } from "../../../cli/repo.ts";
import type { Built } from "../../../image/artefacts.ts";
import { invoke } from "../../../lib/command/command-line.ts";
import { program } from "../../../lib/command/command.ts";
import { systemErrorCode } from "../../../lib/failure.ts";
import { isPresent } from "../../../lib/files/files.ts";
import { serveRepository } from "../../../repo/serve.ts";
import type { Architecture } from "../../../variants/variant.ts";
import { hostOfGuests } from "../../../vm/qemu/qemu.ts";
import { type Mistake, spoiledBuild } from "./spoiled-kernel.ts";

const parent = join(import.meta.dir, "../../../build/test/update");
const signal = new AbortController().signal;

type Variant = "dev" | "metal-k8s-1.20" | "aws-ecs-1";

export const [older, newer] = ["0.1.0", "0.2.0"] as const;

const orlop = program({
  name: "orlop",
  summary: "For this test",
  version: "0.0.0",
  options: {},
  groups: repoGroups,
  commands: repoCommands,
  context: (invocation) => ({ invocation }),
});

async function repo(...words: string[]): Promise<void> {
  const { exitCode, stderr } = await invoke(orlop, ["repo", ...words]);
  if (exitCode !== 0) throw new Error(`repo ${words.join(" ")}: ${stderr}`);
}

type Wanted = { variant: Variant; architecture: Architecture } & Further;
type WantedImage = Wanted & { osVersion: string; updateRoot: string };
/** Whether the images of admin and control are published with it; what no registry carries. */
type Further = Pick<ImageRequest, "companions" | "supplied">;
type MakeImage = (wanted: WantedImage) => Promise<Built>;
type Keys = { root: string; publication: string; rootJson: string };

export class PublishedImages implements Disposable {
  readonly images: Readonly<Record<"older" | "newer", Built>>;
  readonly keys: Keys;
  /** Of the repository; whatever is put there, guests can fetch. */
  readonly directory: string;
  readonly #wanted: Wanted;
  readonly #host: string;
  readonly #server: ReturnType<typeof serveRepository>;

  private constructor(
    directory: string,
    { wanted, host }: { wanted: Wanted; host: string },
    keys: Keys,
    images: Record<"older" | "newer", Built>,
  ) {
    this.directory = directory;
    this.#wanted = wanted;
    this.#host = host;
    this.keys = keys;
    this.images = images;
    this.#server = serveRepository(directory);
  }

  /**
   * @param name of the repository, which is made anew
   * @param patchesFrom from how many versions before each one patches are made
   * @param makeOlder when it is not of this work tree
   * @param host of this computer, as guests know it
   */
  static async open(
    name: string,
    variant: Variant = "dev",
    {
      patchesFrom = 0,
      makeOlder = image,
      host = hostOfGuests,
      architecture = "x86_64",
      ...further
    }: { patchesFrom?: number; makeOlder?: MakeImage; host?: string; architecture?: Architecture } & Further = {},
  ): Promise<PublishedImages> {
    const keys = await ensureKeys();
    const { rootJson } = keys;
    const wanted = { variant, architecture, ...further };
    const images = {
      older: await makeOlder({ ...wanted, osVersion: older, updateRoot: rootJson }),
      newer: await image({ ...wanted, osVersion: newer, updateRoot: rootJson }),
    };
    const directory = join(parent, name);
    await rm(directory, { recursive: true, force: true });
    await mkdir(join(directory, "root"), { recursive: true });
    await Bun.write(join(directory, "root/1.root.json"), await readFile(keys.rootJson));
    const published = new PublishedImages(directory, { wanted, host }, keys, images);
    for (const { manifestPath } of Object.values(images)) {
      await published.repo("publish-image", manifestPath, "--waves", "none", "--patches-from", String(patchesFrom));
    }
    return published;
  }

  /**
   * Builds a further version, and offers it at once to all.
   *
   * @param mistake something that is wrong with it
   */
  async offer(osVersion: string, mistake?: Mistake): Promise<void> {
    const built = await image({ ...this.#wanted, osVersion, updateRoot: this.keys.rootJson });
    const spoiled = join(parent, `${this.#wanted.variant}-${osVersion}-spoiled`);
    const manifestPath = mistake === undefined ? built.manifestPath : await spoiledBuild(built, spoiled, mistake);
    await this.repo("publish-image", manifestPath, "--waves", "none", "--patches-from", "0");
  }

  /** `./orlop repo VERB` on this repository, signed by its publication key. */
  async repo(verb: string, ...words: string[]): Promise<void> {
    await repo(...verb.split(" "), this.directory, ...words, "--key", this.keys.publication);
  }

  /** Where a guest finds a file of the repository. */
  url(path: string): string {
    return `http://${this.#host}:${this.#server.url.port}/${path}`;
  }

  /** `settings.updates` of a host that takes its updates from here. */
  get settings(): { "metadata-base-url": string; "targets-base-url": string } {
    const { variant, architecture } = this.#wanted;
    return {
      "metadata-base-url": this.url(`metadata/${variant}/${architecture}/`),
      "targets-base-url": this.url("targets/"),
    };
  }

  /** User data of such a host, after other lines. */
  userData(...lines: string[]): string {
    const settings = Object.entries(this.settings).map(([key, url]) => `${key} = "${url}"`);
    return [...lines, "[settings.updates]", ...settings, ""].join("\n");
  }

  [Symbol.dispose](): void {
    this.#server[Symbol.dispose]();
  }
}

/** A new key, for a rotation. */
export async function generateKey(file: string): Promise<void> {
  await rm(file, { force: true });
  await repo("key", "generate", file);
}

/** Keys and root role are kept between runs, so that the images need not be made anew. */
async function ensureKeys(): Promise<Keys> {
  const keys = join(parent, "keys");
  const paths = { root: join(keys, "root.pem"), publication: join(keys, "publication.pem") };
  const rootJson = join(keys, "root.json");
  if (!(await isPresent(rootJson))) await makeKeys(keys);
  return { ...paths, rootJson };
}

/** Whole or not at all; another test that makes them at the same time may be first. */
async function makeKeys(keys: string): Promise<void> {
  await mkdir(parent, { recursive: true });
  const fresh = await mkdtemp(`${keys}-`);
  const [root, publication] = [join(fresh, "root.pem"), join(fresh, "publication.pem")];
  for (const file of [root, publication]) await repo("key", "generate", file);
  const first = join(fresh, "first");
  await repo("init", first, "--root-key", root, "--key", publication);
  await rename(join(first, "root/1.root.json"), join(fresh, "root.json"));
  try {
    await rename(fresh, keys);
  } catch (error) {
    if (systemErrorCode(error) !== "ENOTEMPTY") throw error;
    await rm(fresh, { recursive: true });
  }
}

/** Built once for all test files of a process, which do not share their modules. */
async function image(wanted: WantedImage): Promise<Built> {
  const companions = wanted.companions === undefined ? [] : ["companions"];
  const foreign = wanted.architecture === "x86_64" ? [] : [wanted.architecture];
  const place = [wanted.variant, wanted.osVersion, ...foreign, ...companions].join("-");
  const variable = `ORLOP_TEST_UPDATE_${place}`;
  const known = process.env[variable];
  // Written below, by this process.
  if (known !== undefined) return JSON.parse(known) as Built;
  const built = await builtImage({ ...wanted, output: join(parent, place) }, signal);
  process.env[variable] = JSON.stringify(built);
  return built;
}
