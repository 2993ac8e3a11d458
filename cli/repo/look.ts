/** `./orlop repo show | check-expirations | validate | download | serve`: looking at a repository without changing it. */
import { mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import { formatBytes, progress } from "../../lib/progress.ts";
import { Failure } from "../../lib/failure.ts";
import { parseDuration } from "../../lib/duration.ts";
import { expirations } from "../../repo/roles/expirations.ts";
import { downloadTarget } from "../../repo/download-target.ts";
import { isFor, targetsNamedBy, type Machines, type Manifest } from "../../repo/manifest.ts";
import { currentTree, newestRoot, readManifest, treesOf, type Repository } from "../../repo/repository.ts";
import { contentOf, roleNames } from "../../repo/roles/root-role.ts";
import { serveRepository } from "../../repo/serve.ts";
import { serialise } from "../../repo/tree.ts";
import { validateTree, type Validation } from "../../repo/validate.ts";
import { compareVersions } from "../../repo/version.ts";
import { untilAborted } from "../../lib/abortable.ts";
import { portOf } from "../../lib/command/port.ts";
import { runServer, serverOptions, type ServerVerb } from "../server.ts";
import { directory, machinesOptions, opened, readText, repoCommand } from "./context.ts";

export const show = repoCommand({
  name: "repo show",
  summary: "Say what a repository offers, who signs it and how long it lives",
  examples: [{ run: "./orlop repo show updates", description: "keys, trees, versions, waves" }],
  arguments: { directory },
  async run(_context, values) {
    const repository = await opened(values);
    const root = newestRoot(repository).signed;
    const content = contentOf(root);
    return {
      root: {
        version: root.version,
        expires: root.expires,
        roles: roleNames.map((role) => ({
          role,
          threshold: content.roles[role].threshold,
          keys: content.roles[role].keys.map(({ keyID, keyType }) => ({ id: keyID, type: keyType })),
        })),
      },
      trees: await Promise.all(
        (await treesOf(repository)).map(async (machines) => await shownTree(repository, machines)),
      ),
    };
  },
  print: ({ root, trees }) =>
    [
      `root version ${root.version}, expires ${root.expires}`,
      ...root.roles.flatMap(({ role, threshold, keys }) => [
        `  ${role}: ${threshold} of ${keys.length}`,
        ...keys.map(({ id, type }) => `    ${id} ${type}`),
      ]),
      ...trees.flatMap(({ variant, arch, expires, updates, extraTargets }) => [
        `${variant} on ${arch}, expires ${expires}`,
        ...updates.flatMap(({ version, recalled, waves, bytes, patches }) => [
          `  ${version}${recalled ? " (above the maximum)" : ""}  ${formatBytes(bytes)}  ${waves === 0 ? "open to all" : `${waves} waves`}`,
          ...patches.map((patch) => `    from ${patch.from}  ${formatBytes(patch.bytes)}`),
        ]),
        ...extraTargets.map((name) => `  ${name}`),
      ]),
    ].join("\n"),
});

async function shownTree(repository: Repository, machines: Machines) {
  const tree = await currentTree(repository, machines);
  const targets = tree?.targets.signed.targets ?? {};
  const manifest: Manifest = await readManifest(repository, targets);
  const updates = manifest.updates.filter((each) => isFor(each, machines));
  const named = new Set(targetsNamedBy({ updates, migrations: {} }));
  return {
    ...machines,
    expires: tree?.timestamp.signed.expires ?? "never",
    updates: updates
      .toSorted((a, b) => compareVersions(b.version, a.version))
      .map((each) => ({
        version: each.version,
        maxVersion: each.max_version,
        recalled: compareVersions(each.version, each.max_version) > 0,
        waves: Object.keys(each.waves).length,
        bytes: Object.values(each.images).reduce((sum, name) => sum + (targets[name]?.length ?? 0), 0),
        patches: (each.patches ?? []).map(({ version: from, images }) => ({
          from,
          bytes: Object.values(images).reduce((sum, name) => sum + (targets[name ?? ""]?.length ?? 0), 0),
        })),
      })),
    extraTargets: Object.keys(targets).filter((name) => name !== "manifest.json" && !named.has(name)),
  };
}

export const checkExpirations = repoCommand({
  name: "repo check-expirations",
  summary: "Say how many days each role has left; exit 1 when one has fewer than --within",
  examples: [{ run: './orlop repo check-expirations updates --within "3 days"', description: "for a daily job" }],
  arguments: { directory },
  options: {
    within: { type: "text", value: "TIME", help: "How early to warn", default: "3 days", parse: parseDuration },
  },
  async run(_context, values) {
    const roles = await expirations(await opened(values), new Date());
    return { roles, expiring: roles.filter(({ daysLeft }) => daysLeft * 86_400 <= values.within) };
  },
  print: ({ roles }) =>
    roles
      .map(({ variant, arch, role, version, expires, daysLeft }) =>
        [
          daysLeft < 0 ? "EXPIRED" : `${daysLeft.toFixed(1)} days left`,
          `${role} version ${version}`,
          `expires ${expires}`,
          `${variant} on ${arch}`,
        ].join("  "),
      )
      .join("\n"),
  exitCode: ({ expiring }) => (expiring.length === 0 ? 0 : 1),
});

export const validate = repoCommand({
  name: "repo validate",
  summary: "Read a repository as an independent client would: every signature, every byte of every target",
  examples: [
    { run: "./orlop repo validate updates", description: "all trees of a directory, trusting its newest root role" },
    {
      run: "./orlop repo validate https://updates.example.org/ --root root.json --variant dev",
      description: "what hosts would get",
    },
  ],
  arguments: { source: { value: "DIRECTORY|URL", help: "The repository", complete: "files" } },
  options: {
    root: { type: "text", value: "FILE", help: "A root role to trust; required for a URL", complete: "files" },
    variant: { type: "text", value: "NAME", help: "Only this variant; required for a URL" },
    arch: machinesOptions.arch,
  },
  async run(_context, values): Promise<Validation[]> {
    const root = values.root === undefined ? undefined : await readText(values.root);
    if (/^https?:\/\//.test(values.source)) {
      if (root === undefined || values.variant === undefined) {
        throw new Failure("usage", "validating a URL needs --root and --variant");
      }
      return [await validated(directoryUrl(values.source), { variant: values.variant, arch: values.arch }, root)];
    }
    const repository = await opened({ directory: values.source });
    const trees = await treesOf(repository);
    const wanted = trees.filter(({ variant }) => values.variant === undefined || variant === values.variant);
    if (wanted.length === 0) {
      throw new Failure(
        "no-such-tree",
        `cannot validate ${values.source}: nothing is published in it for that variant`,
      );
    }
    using server = serveRepository(values.source);
    const results: Validation[] = [];
    for (const machines of wanted) {
      results.push(await validated(server.url, machines, root ?? serialise(repository.roots[0])));
    }
    return results;
  },
  print: (results) =>
    results
      .map(({ variant, arch, targets }) => {
        const bytes = targets.reduce((sum, target) => sum + target.bytes, 0);
        return `${variant} on ${arch}: ${targets.length} targets, ${formatBytes(bytes)}, all as signed`;
      })
      .join("\n"),
});

const directoryUrl = (text: string): URL => new URL(text.endsWith("/") ? text : `${text}/`);

async function validated(base: URL, machines: Machines, root: string): Promise<Validation> {
  using bar = progress(`validating ${machines.variant} on ${machines.arch}`);
  return await validateTree(base, machines, root, ({ bytes }) => bar.advance(bytes));
}

export const download = repoCommand({
  name: "repo download",
  summary: "Fetch a file that a repository offers, and check it as hosts do",
  description: "Nothing is written before every byte is as signed.",
  examples: [
    {
      run: "./orlop repo download updates dev-x86_64-kmod-kit-v0.1.0.tar.xz --variant dev",
      description: "a kernel module kit",
    },
  ],
  arguments: {
    source: { value: "DIRECTORY|URL", help: "The repository", complete: "files" },
    target: { value: "NAME", help: "Name of the file, as `./orlop repo show` lists it" },
  },
  options: {
    root: { type: "text", value: "FILE", help: "A root role to trust; required for a URL", complete: "files" },
    ...machinesOptions,
    output: { type: "text", value: "DIRECTORY", help: "Where it goes", default: ".", complete: "files" },
  },
  async run(_context, { source, target: name, root, variant, arch, output }) {
    const fetched = async (base: URL, trusted: string) => {
      await mkdir(output, { recursive: true });
      return await downloadTarget(base, { variant, arch }, trusted, { name, directory: output });
    };
    const trusted = root === undefined ? undefined : await readText(root);
    if (/^https?:\/\//.test(source)) {
      if (trusted === undefined) throw new Failure("usage", "downloading from a URL needs --root");
      return await fetched(directoryUrl(source), trusted);
    }
    const repository = await opened({ directory: source });
    using server = serveRepository(source);
    return await fetched(server.url, trusted ?? serialise(repository.roots[0]));
  },
  print: ({ path, bytes }) => `${path}  ${formatBytes(bytes)}`,
});

export const serve = repoCommand({
  name: "repo serve",
  summary: "Serve a repository over HTTP, for a try on a laptop",
  examples: [
    {
      run: "./orlop repo serve updates --port 8000",
      description: "until Ctrl-C; guests of `./orlop up` reach it at 10.0.2.2",
    },
    {
      run: "./orlop repo serve updates --port 8000 --detach",
      description: "until `./orlop repo serve updates --stop`",
    },
  ],
  arguments: { directory },
  options: {
    listen: { type: "text", value: "ADDRESS", help: "Address to listen on", default: "127.0.0.1" },
    port: {
      type: "text",
      value: "PORT",
      help: "Port to listen on; 0 takes a free one",
      default: "0",
      parse: (text: string) => portOf(text, 0),
    },
    ...serverOptions,
  },
  async run({ invocation }, { directory: chosen, listen, port, ...how }) {
    if (!how.stop) await opened({ directory: chosen });
    const path = resolve(chosen);
    const words = ["repo", "serve", path, "--listen", listen, "--port", String(port)];
    const serving: ServerVerb["serve"] = async (ready, signal) => {
      using server = serveRepository(path, { hostname: listen, port });
      await ready(`serving ${chosen} at ${server.url.href}`);
      await untilAborted(signal);
    };
    const name = `repo-${Bun.hash(path).toString(16)}`;
    return await runServer({ name, words, serve: serving }, how, invocation);
  },
});
