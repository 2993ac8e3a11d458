/**
 * A registry of images on this computer's loopback, which a guest reaches at 10.0.2.2: Debian's `docker-registry`, from
 * a root of its own, and skopeo to copy images into it.
 *
 * ```ts
 * await using registry = await startRegistry({ directory, signal });
 * await registry.push("build/oci/admin-x86_64", "orlop/admin:v1", signal);
 * ```
 */
import { mkdir, open, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { openToolsRoot, runTool, toolCommand } from "../image/packages/tools-root.ts";
import { deadline, machineClock } from "../lib/clock.ts";
import { Failure } from "../lib/failure.ts";
import { readTextIfPresent } from "../lib/files/files.ts";
import { type RunningProgram, start } from "../lib/program/program.ts";

/** All in PEM. */
export type ServerCertificate = { ca: string; certificate: string; key: string };

export type RegistryOptions = {
  /** Where images and the log are kept; made when it is not there. */
  directory: string;
  /** Plain HTTP without one. Its name must be 127.0.0.1, and 10.0.2.2 for guests. */
  tls?: ServerCertificate;
  /** Everybody may read and write without. */
  auth?: { username: string; password: string };
  /** A free port of loopback unless given. */
  port?: number;
  signal: AbortSignal;
};

export type Registry = AsyncDisposable & {
  readonly port: number;
  /** Copies the one image of an OCI layout, digest and all; "name:tag" is what it is called here. */
  push(layout: string, name: string, signal: AbortSignal): Promise<void>;
};

const pollMs = 20;
const startTimeoutMs = 30_000;

/**
 * Starts a registry; it listens when this returns, and ends with us.
 *
 * @throws {Failure<"registry-failed">} with its last line when it did not start
 */
export async function startRegistry({ directory, tls, auth, port = 0, signal }: RegistryOptions): Promise<Registry> {
  const tools = await openToolsRoot({ sets: ["registry"], signal });
  const files = filesIn(directory);
  await mkdir(files.images, { recursive: true });
  if (tls !== undefined) {
    await mkdir(files.trusted, { recursive: true });
    await writeFile(files.ca, tls.ca);
    await writeFile(files.certificate, tls.certificate);
    await writeFile(files.key, tls.key, { mode: 0o600 });
  }
  if (auth !== undefined) {
    const hash = await Bun.password.hash(auth.password, { algorithm: "bcrypt", cost: 4 });
    await writeFile(files.passwords, `${auth.username}:${hash}\n`, { mode: 0o600 });
  }
  await writeFile(
    files.config,
    JSON.stringify(configuration(files, port, { tls: tls !== undefined, auth: auth !== undefined })),
  );

  await using log = await open(files.log, "w");
  await using starting = new AsyncDisposableStack();
  const program = starting.use(
    start(toolCommand(tools, ["docker-registry", "serve", files.config], { binds: [files.directory] }), {
      stdout: log.fd,
      stderr: log.fd,
    }),
  );
  const listens = await untilItListens(files.log, program, signal);

  const host = `127.0.0.1:${listens}`;
  if (auth !== undefined) {
    const login = Buffer.from(`${auth.username}:${auth.password}`).toString("base64");
    await writeFile(files.login, JSON.stringify({ auths: { [host]: { auth: login } } }), { mode: 0o600 });
  }
  const running = starting.move();
  return {
    port: listens,
    async push(layout, name, pushing) {
      const source = resolve(layout);
      const options = [
        ...(tls === undefined ? ["--dest-tls-verify=false"] : [`--dest-cert-dir=${files.trusted}`]),
        ...(auth === undefined ? ["--dest-no-creds"] : [`--dest-authfile=${files.login}`]),
      ];
      await runTool(
        tools,
        [
          "skopeo",
          "--insecure-policy",
          "copy",
          "--preserve-digests",
          ...options,
          `oci:${source}`,
          `docker://${host}/${name}`,
        ],
        { binds: [files.directory], readOnlyBinds: [source], signal: pushing },
      );
    },
    [Symbol.asyncDispose]: async () => await running.disposeAsync(),
  };
}

type Files = ReturnType<typeof filesIn>;

function filesIn(path: string) {
  const directory = resolve(path);
  return {
    directory,
    images: join(directory, "images"),
    config: join(directory, "config.yml"),
    log: join(directory, "registry.log"),
    passwords: join(directory, "htpasswd"),
    login: join(directory, "login.json"),
    certificate: join(directory, "server.pem"),
    key: join(directory, "server-key.pem"),
    trusted: join(directory, "trusted"),
    ca: join(directory, "trusted", "ca.crt"),
  };
}

/** JSON is YAML. See distribution's docs/configuration.md. */
function configuration(files: Files, port: number, has: { tls: boolean; auth: boolean }) {
  return {
    version: 0.1,
    log: { level: "info", formatter: "json" },
    storage: { filesystem: { rootdirectory: files.images }, delete: { enabled: true } },
    http: {
      addr: `127.0.0.1:${port}`,
      ...(has.tls ? { tls: { certificate: files.certificate, key: files.key } } : {}),
    },
    ...(has.auth ? { auth: { htpasswd: { realm: "orlop", path: files.passwords } } } : {}),
  };
}

async function untilItListens(log: string, program: RunningProgram, signal: AbortSignal): Promise<number> {
  const patience = deadline(machineClock, startTimeoutMs);
  for (;;) {
    const output = (await readTextIfPresent(log)) ?? "";
    const port = /listening on 127\.0\.0\.1:(\d+)/.exec(output)?.[1];
    if (port !== undefined) return Number(port);
    if (program.hasEnded || patience.passed) {
      throw new Failure("registry-failed", `cannot start a registry: ${output.trim().split("\n").at(-1) ?? "no word"}`);
    }
    await machineClock.sleep(pollMs, signal);
  }
}
