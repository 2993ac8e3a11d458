/**
 * The admin container as it is built, its entry point run natively: sshd lets in whom the user data names and nobody
 * else, and that one may become root.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { builtContainer } from "../../../cli/image/built-image.ts";
import { run, ask } from "../../../lib/program/process.ts";
import { unpackLayout } from "../../worlds/containers/oci-image.ts";
import { freePort } from "../../../lib/free-port.ts";

const own = ".bottlerocket/host-containers/current";
let root: string;
let entrypoint: readonly string[];
let sshd: Bun.Subprocess | undefined;
let port: number;

const devices = { null: ["1", "3"], urandom: ["1", "9"], tty: ["5", "0"] } as const;

/** The container shares the machine's network and processes, as a superpowered one does. */
function inside(argv: readonly string[]): [string, ...string[]] {
  return ["unshare", "--mount", `--root=${root}`, "--mount-proc", "--", ...argv];
}

async function start(userData: unknown): Promise<void> {
  await stop();
  await writeFile(join(root, own, "user-data"), JSON.stringify(userData));
  port = await freePort();
  const log = Bun.file(join(root, "sshd.log"));
  await log.write("");
  sshd = Bun.spawn(inside([...entrypoint, "-p", String(port), "-o", "ListenAddress=127.0.0.1"]), {
    stdin: "ignore",
    stdout: log,
    stderr: log,
  });
  while (!(await log.text()).includes("Server listening")) {
    if (sshd.exitCode !== null) throw new Error(`sshd ended: ${await log.text()}`);
    await Bun.sleep(50);
  }
}

async function stop(): Promise<void> {
  sshd?.kill("SIGKILL");
  await sshd?.exited;
}

async function ssh(key: string, user: string, command: string) {
  const options = ["BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"];
  return await ask(
    inside([
      "ssh",
      "-p",
      String(port),
      "-i",
      key,
      ...options.flatMap((option) => ["-o", option]),
      `${user}@127.0.0.1`,
      command,
    ]),
  );
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "admin-container-"));
  const built = await builtContainer({ image: "admin", architecture: "x86_64" }, new AbortController().signal);
  entrypoint = await unpackLayout(built.layout, root);
  await mkdir(join(root, own), { recursive: true });
  // The host's own is mounted there; sudo looks the host's name up.
  await writeFile(join(root, "etc/hosts"), `127.0.0.1 localhost ${hostname()}\n`);
  for (const [name, numbers] of Object.entries(devices)) {
    await run(["mknod", "--mode=666", join(root, "dev", name), "c", ...numbers]);
  }
  for (const name of ["known", "stranger"]) {
    await run(inside(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", `/root/${name}`]));
  }
}, 300_000);
afterAll(async () => {
  await stop();
  await rm(root, { recursive: true, force: true });
});

const publicKey = async (name: string): Promise<string> =>
  (await readFile(join(root, `root/${name}.pub`), "utf8")).trim();

test("who holds a key of the user data gets in, may become root, and keeps meeting the same host", async () => {
  await start({ ssh: { "authorized-keys": [await publicKey("known")] } });
  expect(await ssh("/root/known", "ec2-user", "id --user --name && sudo id --user")).toEqual({
    stdout: "ec2-user\n0\n",
    stderr: "",
    exitCode: 0,
  });
  expect((await ssh("/root/stranger", "ec2-user", "true")).stderr).toContain("Permission denied");
  expect((await ssh("/root/known", "root", "true")).stderr).toContain("Permission denied");

  const hostKey = await readFile(join(root, own, "etc/ssh/ssh_host_ed25519_key.pub"), "utf8");
  await start({ user: "ops", ssh: { "authorized-keys": [await publicKey("stranger")] } });
  expect((await ssh("/root/stranger", "ops", "whoami")).stdout).toBe("ops\n");
  expect((await ssh("/root/known", "ec2-user", "true")).exitCode).toBe(255);
  expect(await readFile(join(root, own, "etc/ssh/ssh_host_ed25519_key.pub"), "utf8")).toBe(hostKey);
}, 120_000);

test("user data that cannot be used stops the container with the place of what is wrong", async () => {
  await writeFile(join(root, own, "user-data"), '{"user": "root"}');
  const { stderr, exitCode } = await ask(inside(entrypoint));
  expect(exitCode).not.toBe(0);
  expect(stderr).toContain("cannot use the user data of the admin container at user: must not be an account");
}, 60_000);
