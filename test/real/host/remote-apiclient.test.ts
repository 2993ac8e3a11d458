/** `apiclient` from elsewhere: over mutual TLS to the real daemon, by options and by a context. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect as connectTcp, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "../../../api/client/client.ts";
import { KeptConnection } from "../../../api/client/transport.ts";
import { apiclient } from "../../../host/commands/apiclient.ts";
import { contextsDirectory } from "../../../host/commands/apiclient/address.ts";
import { fleetCommands, fleetGroups } from "../../../cli/fleet/fleet.ts";
import { invoke } from "../../../lib/command/command-line.ts";
import { program } from "../../../lib/command/command.ts";
import { parseJson } from "../../../lib/text/json.ts";
import { makeCredentials, type Credentials } from "../../../vm/credentials.ts";
import { eventually } from "../../eventually.ts";
import { runningHost, type RunningHost } from "../../worlds/host/running-host.ts";
import { freePort } from "../../../lib/free-port.ts";

const fleet = program({
  name: "orlop",
  summary: "For these tests",
  version: "0.0.0",
  options: {},
  groups: fleetGroups,
  commands: fleetCommands,
  context: (invocation) => ({ invocation }),
});

let host: RunningHost;
let directory = "";
let url = "";
let fingerprint = "";
const configHome = process.env["XDG_CONFIG_HOME"];

beforeAll(async () => {
  host = await runningHost();
  directory = await mkdtemp(join(tmpdir(), "remote-"));
  process.env["XDG_CONFIG_HOME"] = directory;
  const admin = await makeCredentials("ada");
  const reader = await makeCredentials("bob");
  const stranger = await makeCredentials("eve");
  await Promise.all([keep("admin", admin), keep("reader", reader), keep("stranger", stranger)]);
  const port = await freePort();
  url = `https://127.0.0.1:${port}`;
  const remote = {
    enabled: true,
    port,
    "client-cas": { admin: encoded(admin.ca), reader: encoded(reader.ca) },
    roles: { [admin.subject]: "admin", [reader.subject]: "read-only" },
  };
  const { exitCode } = await invoke(apiclient, ["-s", host.socket, "set", "-j", JSON.stringify({ api: { remote } })]);
  expect(exitCode).toBe(0);
  fingerprint = await announced();
});

afterAll(async () => {
  if (configHome === undefined) delete process.env["XDG_CONFIG_HOME"];
  else process.env["XDG_CONFIG_HOME"] = configHome;
  await host[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

async function keep(name: string, { certificate, key }: Credentials): Promise<void> {
  await writeFile(join(directory, `${name}.crt`), certificate);
  await writeFile(join(directory, `${name}.key`), key);
}

function encoded(pem: string): string {
  return Buffer.from(pem).toString("base64");
}

/** The server starts beside the commit; its fingerprint is in the status once it listens. */
async function announced(): Promise<string> {
  const untilMs = performance.now() + 10_000;
  while (performance.now() < untilMs) {
    const status = Object(parseJson((await invoke(apiclient, ["-s", host.socket, "status", "--json"])).stdout));
    if (typeof status.remote.fingerprint === "string") return String(status.remote.fingerprint);
    await Bun.sleep(20);
  }
  throw new Error("the host does not announce its remote API");
}

const from = async (name: string, ...words: string[]) => {
  const files = ["--cert", join(directory, `${name}.crt`), "--key", join(directory, `${name}.key`)];
  return await invoke(apiclient, ["--host", url, ...files, "--fingerprint", fingerprint, ...words]);
};

test("an administrator changes settings, and the history knows who it was", async () => {
  const { stdout, exitCode } = await from("admin", "set", "motd=from afar");
  expect(stdout).toContain("change /etc/motd");
  expect(exitCode).toBe(0);
  expect((await from("admin", "history", "-n", "1")).stdout).toMatch(/^version \d+ .* remote ada /);
});

test("a reader reads and is refused to change", async () => {
  expect((await from("reader", "get", "os.variant_id")).exitCode).toBe(0);
  const { stderr, exitCode } = await from("reader", "set", "motd=not mine");
  expect(stderr).toContain("read-only");
  expect(exitCode).toBe(1);
});

test("a stranger gets nothing", async () => {
  expect((await from("stranger", "get")).exitCode).toBe(1);
});

test("a host with another certificate is not trusted, and nothing is sent", async () => {
  const files = ["--cert", join(directory, "admin.crt"), "--key", join(directory, "admin.key")];
  const { stderr, exitCode } = await invoke(apiclient, [
    "--host",
    url,
    ...files,
    "--fingerprint",
    "ab".repeat(32),
    "get",
  ]);
  expect(stderr).toContain(`cannot trust ${url}`);
  expect(exitCode).toBe(1);
});

test("a host that another CA vouches for is not trusted, whatever the environment says about certificates", async () => {
  const files = ["--cert", join(directory, "admin.crt"), "--key", join(directory, "admin.key")];
  process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
  try {
    const words = ["--host", url, ...files, "--ca", join(directory, "admin.crt"), "get"];
    const { stdout, stderr, exitCode } = await invoke(apiclient, words);
    expect(stdout).toBe("");
    expect(stderr).toContain(`cannot talk to the host at ${url}`);
    expect(exitCode).toBe(1);
  } finally {
    delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
  }
});

test("a context says all of it by a name", async () => {
  await mkdir(contextsDirectory(), { recursive: true });
  const context = { url, certificate: join(directory, "admin.crt"), key: join(directory, "admin.key"), fingerprint };
  await writeFile(join(contextsDirectory(), "far.json"), JSON.stringify(context));
  expect((await invoke(apiclient, ["--context", "far", "status"])).stdout).toContain("remote API   port ");
  const { stderr } = await invoke(apiclient, ["--context", "fra", "status"]);
  expect(stderr).toContain("hint: there are far");
});

test("a fleet outside of clusters is told by the remote API of each host, one that is not there too", async () => {
  const hosts = join(directory, "hosts.txt");
  await writeFile(hosts, "far\nnobody # was switched off\n");
  const { stdout } = await invoke(fleet, ["fleet", "status", "--hosts", hosts]);
  const [far, nobody] = stdout.split("\n");
  expect(far).toMatch(/^far  \d+\.\d+\.\d+  does not know what it may take: .*metadata-base-url is not set$/);
  expect(nobody).toMatch(/^nobody  \?  does not answer: cannot find the context nobody/);
  const explanation = await invoke(fleet, ["fleet", "explain", "far", "--hosts", hosts]);
  expect(explanation.stdout.trimEnd()).toMatch(/^far does not know what it may take: .*\n  it runs \d+\.\d+\.\d+$/);
  const history = (await invoke(fleet, ["fleet", "history", "--hosts", hosts])).stdout.trimEnd().split("\n");
  expect(history).toContainEqual(expect.stringMatching(/^\S+Z  far  Changed: remote ada: /));
  expect(history.at(-1)).toMatch(/^nobody does not answer: cannot find the context /);
});

test("who asks again and again does so over one connection, and opens another when the daemon starts again", async () => {
  let connections = 0;
  const relay = createServer((client) => {
    connections++;
    const upstream = connectTcp(Number(new URL(url).port), "127.0.0.1");
    client.pipe(upstream).pipe(client);
    for (const end of [client, upstream]) end.on("error", () => client.destroy());
    client.on("close", () => upstream.destroy());
  });
  await new Promise<void>((resolve) => relay.listen(0, "127.0.0.1", resolve));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on TCP
  const { port } = relay.address() as AddressInfo;
  try {
    const [certificate, key] = await Promise.all(
      ["admin.crt", "admin.key"].map(async (file) => await readFile(join(directory, file), "utf8")),
    );
    const address = {
      url: `https://127.0.0.1:${port}`,
      certificate: certificate ?? "",
      key: key ?? "",
      trust: { fingerprint },
    };
    using kept = new KeptConnection();
    const api = connect(address, kept);
    for (let at = 0; at < 20; at++) expect((await api.call("getStatus")).os.version_id).toBe("0.1.0");
    expect(connections).toBe(1);
    await host.restart();
    await eventually(async () => void (await api.call("getStatus", { signal: AbortSignal.timeout(2000) })));
    expect(connections).toBeGreaterThan(1);
  } finally {
    relay.close();
  }
});
