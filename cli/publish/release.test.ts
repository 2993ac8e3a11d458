/** Protects: a release has all that vouches for it, stops at the first thing that is not right, and goes on where it stopped. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { createHash, createPublicKey, verify } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { isPresent } from "../../lib/files/files.ts";
import { parseJson } from "../../lib/text/json.ts";
import { run } from "../../lib/program/process.ts";
import { release, type ReleaseOptions, type ReleaseTarget } from "../../publish/release/release.ts";
import { preAuthenticationEncoding } from "../../publish/release/provenance.ts";
import type { Machines } from "../../repo/manifest.ts";
import { currentTree, openRepository } from "../../repo/repository.ts";
import { initRepository } from "../../repo/root-chain.ts";
import { defaultExpirations } from "../../repo/roles/expiration.ts";
import { generateKeyPem } from "../../repo/roles/key.ts";
import { signerFrom } from "../../repo/roles/signer.ts";
import { makeBuild } from "../../test/worlds/publish/build.ts";

let directory: string;
const file = (...names: string[]): string => join(directory, ...names);
const git = async (...words: string[]): Promise<string> =>
  (
    await run(["git", "-c", "user.name=Test", "-c", "user.email=test@test.example", ...words], { cwd: file("source") })
  ).stdout.trim();

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "release-"));
  await mkdir(file("source"));
  await git("init", "--quiet");
  for (const [subject, text] of [
    ["one: begin", "1"],
    ["host: add a setting", "2"],
    ["host: mend it", "3"],
    ["without an area", "4"],
  ] as const) {
    await writeFile(file("source", "lock"), text);
    await git("add", ".");
    await git("commit", "--quiet", "-m", subject);
    if (text === "1") await git("tag", "v0.1.0");
  }
  await writeFile(file("key.pem"), generateKeyPem("ed25519"));
  await writeFile(file("disk"), "a disk");
  const signer = await signerFrom(file("key.pem"));
  const signing = { signers: [signer], expirations: defaultExpirations, now: new Date() };
  await initRepository(file("updates"), {
    rootSigners: [signer],
    rootThreshold: 1,
    publicationKeys: [signer.key],
    publicationThreshold: 1,
    signing,
  });
});
afterEach(async () => await rm(directory, { recursive: true }));

const [first, second]: [ReleaseTarget, ReleaseTarget] = [
  { variant: "dev", architecture: "x86_64" },
  { variant: "metal-dev", architecture: "aarch64" },
];
const targets = [first, second];

async function offeredNames(machines: Machines): Promise<string[]> {
  const tree = await currentTree(await openRepository(file("updates")), machines);
  return Object.keys(tree?.targets.signed.targets ?? {});
}

async function options(more: Partial<ReleaseOptions> = {}): Promise<ReleaseOptions> {
  const signer = await signerFrom(file("key.pem"));
  return {
    version: "0.2.0",
    targets,
    output: file("out"),
    build: async ({ variant, architecture }, output) => {
      await mkdir(output, { recursive: true });
      const sbom = {
        spdxVersion: "SPDX-2.3",
        packages: ["image", "systemd"].map((name) => ({ name, versionInfo: "1" })),
      };
      const commit = await git("rev-parse", "--short=8", "HEAD");
      return (
        await makeBuild(output, { variant, architecture, commit, image: file("disk"), sbom: JSON.stringify(sbom) })
      ).manifestPath;
    },
    test: async () => "4 passed, 0 failed",
    source: file("source"),
    inputs: ["lock"],
    repository: file("updates"),
    signing: { signers: [signer], expirations: defaultExpirations, now: new Date() },
    waves: [],
    patchesFrom: 4,
    key: await readFile(file("key.pem"), "utf8"),
    parameters: { updateUrl: "https://updates.example.com/" },
    builder: { orlop: "0.1.0" },
    now: () => new Date(),
    signal: new AbortController().signal,
    ...more,
  };
}

const outcomes = z.object({ steps: z.array(z.object({ step: z.string(), state: z.string(), detail: z.string() })) });
const kept = async () => outcomes.parse(parseJson(await readFile(file("out", "release.json"), "utf8"))).steps;

test("a release is built, offered, read as a client does, and vouched for", async () => {
  const steps = await release(await options());
  expect(steps.every(({ state }) => state === "done")).toBe(true);
  expect(await kept()).toEqual(steps);
  expect(steps.find(({ step }) => step === "validation")?.detail).toMatch(/^\d+ targets, all as signed$/);

  await run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], { cwd: file("out") });
  const notes = await readFile(file("out", "RELEASE-NOTES.md"), "utf8");
  expect(notes).toContain("What changed since v0.1.0.");
  expect(notes).toMatch(/## host\n\n- add a setting \(\w+\)\n- mend it \(\w+\)\n\n## Further\n\n- without an area/);
  expect(notes).not.toContain("begin");
});

test("the provenance is a signed statement about the files and the commit", async () => {
  await release(await options());
  const key = createPublicKey(await readFile(file("out", "provenance.pub"), "utf8"));
  const lines = (await readFile(file("out", "provenance.intoto.jsonl"), "utf8")).trim().split("\n");
  expect(lines).toHaveLength(2);
  const envelope = z.object({
    payloadType: z.literal("application/vnd.in-toto+json"),
    payload: z.base64(),
    signatures: z.array(z.object({ keyid: z.string(), sig: z.base64() })).length(1),
  });
  const statement = z.object({
    _type: z.literal("https://in-toto.io/Statement/v1"),
    predicateType: z.literal("https://slsa.dev/provenance/v1"),
    subject: z.array(z.object({ name: z.string(), digest: z.object({ sha256: z.string() }) })),
    predicate: z.object({
      buildDefinition: z.object({
        buildType: z.url(),
        externalParameters: z.record(z.string(), z.string()),
        resolvedDependencies: z.array(z.object({ name: z.string(), digest: z.record(z.string(), z.string()) })),
      }),
      runDetails: z.object({
        builder: z.object({ id: z.url() }),
        metadata: z.object({ startedOn: z.iso.datetime(), finishedOn: z.iso.datetime() }),
      }),
    }),
  });
  for (const line of lines) {
    const { payload, signatures } = envelope.parse(parseJson(line));
    const bytes = Buffer.from(payload, "base64");
    const signature = Buffer.from(signatures[0]?.sig ?? "", "base64");
    expect(verify(null, preAuthenticationEncoding(bytes), key, signature)).toBe(true);
    expect(verify(null, bytes, key, signature)).toBe(false);
    const { subject, predicate } = statement.parse(parseJson(bytes.toString()));
    const { externalParameters, resolvedDependencies } = predicate.buildDefinition;
    expect(externalParameters).toMatchObject({ version: "0.2.0", updateUrl: "https://updates.example.com/" });
    expect(resolvedDependencies).toEqual([
      { name: "source", digest: { gitCommit: await git("rev-parse", "HEAD") } },
      { name: "lock", digest: { sha256: createHash("sha256").update("4").digest("hex") } },
    ]);
    const place = file("out", `${externalParameters["variant"]}-${externalParameters["architecture"]}`);
    expect(subject).toHaveLength(5);
    for (const { name, digest } of subject) {
      expect(
        createHash("sha256")
          .update(await readFile(join(place, name)))
          .digest("hex"),
      ).toBe(digest.sha256);
    }
  }
});

test("a step that fails ends it: nothing is offered, and the same command goes on with what is there", async () => {
  const built: string[] = [];
  const { build } = await options();
  const counted: ReleaseOptions["build"] = async (target, output, signal) => {
    built.push(target.variant);
    if (target.variant === "metal-dev" && built.length === 2) throw new Error("the disk is full");
    return await build(target, output, signal);
  };
  await expect(release(await options({ build: counted }))).rejects.toMatchObject({
    code: "release-stopped",
    message: expect.stringContaining(
      "the step build metal-dev for aarch64 failed; not done: bills of materials, repository",
    ),
  });
  expect(await isPresent(file("updates", "metadata"))).toBe(false);
  expect((await kept()).map(({ state }) => state)).toEqual([
    "done",
    "done",
    "done",
    "failed",
    ...Array(6).fill("not done"),
  ]);
  await release(await options({ build: counted }));
  expect(built).toEqual(["dev", "metal-dev", "dev", "metal-dev"]);
  expect((await release(await options())).find(({ step }) => step === "repository")?.detail).toBe(
    "0 offered anew, 2 before",
  );
});

test("what a variant of one's own is made from stands in its statement, and nowhere else", async () => {
  await writeFile(file("edge.toml"), "of one's own");
  await release(await options({ targets: [{ ...first, inputs: [file("edge.toml")] }, second] }));
  const lines = (await readFile(file("out", "provenance.intoto.jsonl"), "utf8")).trim().split("\n");
  const payloads = lines.map((line) =>
    Buffer.from(z.object({ payload: z.string() }).parse(parseJson(line)).payload, "base64").toString(),
  );
  const sha256 = createHash("sha256").update("of one's own").digest("hex");
  expect(payloads.map((text) => text.includes(JSON.stringify({ name: "edge.toml", digest: { sha256 } })))).toEqual([
    true,
    false,
  ]);
});

test("a kit that is asked for after its version was offered is offered with it, and earlier builds are left alone", async () => {
  const { build: plain } = await options();
  await release(await options());
  const build: ReleaseOptions["build"] = async ({ variant, architecture }, output) => {
    await plain({ variant, architecture }, output, new AbortController().signal);
    const commit = await git("rev-parse", "--short=8", "HEAD");
    const sbom = await readFile(join(output, `orlop-${variant}-${architecture}-0.2.0-${commit}.spdx.json`), "utf8");
    await makeBuild(output, { variant, architecture, commit: "00000000", image: file("disk"), sbom });
    return (await makeBuild(output, { variant, architecture, commit, image: file("disk"), sbom, moduleKit: true }))
      .manifestPath;
  };
  const steps = await release(await options({ build }));
  expect(steps.find(({ step }) => step === "repository")?.detail).toBe("0 offered anew, 2 before");
  const names = await offeredNames({ variant: "dev", arch: "x86_64" });
  expect(names).toContain("dev-x86_64-kmod-kit-v0.2.0.tar.xz");
});

test.each([
  ["tests that fail", async () => ({ test: async () => await Promise.reject(new Error("1 failed")) }), "tests"],
  [
    "a source that is not committed",
    async () => {
      await writeFile(file("source", "new"), "");
      return {};
    },
    "source",
  ],
  [
    "an SBOM that lists nothing",
    async () => ({
      build: async ({ variant, architecture }: ReleaseTarget, output: string) => {
        await mkdir(output, { recursive: true });
        const sbom = JSON.stringify({ spdxVersion: "SPDX-2.3", packages: [] });
        const commit = await git("rev-parse", "--short=8", "HEAD");
        return (await makeBuild(output, { variant, architecture, commit, image: file("disk"), sbom })).manifestPath;
      },
    }),
    "bills of materials",
  ],
  [
    "a build of another commit",
    async () => ({
      build: async ({ variant, architecture }: ReleaseTarget, output: string) => {
        await mkdir(output, { recursive: true });
        return (await makeBuild(output, { variant, architecture, commit: "00000000", image: file("disk") }))
          .manifestPath;
      },
    }),
    "build dev for x86_64",
  ],
])("%s stop it before anything is offered", async (_case, more, step) => {
  await expect(release(await options(await more()))).rejects.toMatchObject({
    message: expect.stringContaining(`the step ${step} failed`),
  });
  expect(await isPresent(file("updates", "metadata"))).toBe(false);
});

test("a repository that a client refuses is no release", async () => {
  await release(await options());
  const store = file("updates", "targets");
  const [name] = (await run(["ls", store])).stdout.split("\n").filter((each) => each.includes("-root.erofs.zst"));
  await writeFile(join(store, name ?? ""), "spoilt");
  await expect(release(await options())).rejects.toMatchObject({
    message: expect.stringContaining("the step validation failed; not done: checksums, provenance, notes"),
  });
});
