/** What a host knows is asked for by everybody who is no administrator, everywhere, and no secret is found. */
import { readFile, symlink } from "node:fs/promises";
import { expect, test } from "bun:test";
import type { ChangeRequest } from "../../api/answers.ts";
import { connect, type Client } from "../../api/client/client.ts";
import { endpoints, type EndpointName } from "../../api/endpoints/contract.ts";
import { hostSocket } from "../../api/host-socket.ts";
import { hostPath } from "../machine/system.ts";
import { openAudit } from "../daemon/stores.ts";
import { requestsFor } from "../logdog/requests.ts";
import { writeArchive } from "../logdog/archive.ts";
import { markedSettings } from "../../test/worlds/host/marked-settings.ts";
import { modelNamed } from "../../test/worlds/host/models.ts";
import { runningHost, type RunningHost } from "../../test/worlds/host/running-host.ts";
import { TestAuthority } from "../../test/worlds/network/certificates.ts";
import { freePort } from "../../lib/free-port.ts";

const model = modelNamed("dev");
/** Of each kind, one that is in force, one that was replaced, one that was deleted, and one that is only staged. */
const [present, former, deleted, staged] = ["marker4711", "marker4712", "marker4713", "marker4714"] as const;
const argument = "marker4715";

const secretsWith = (marker: string) => markedSettings(model, marker, ({ secrecy }) => secrecy !== "open");

/** A program that ran, as `exec` notes it. */
async function noteProgram(host: RunningHost): Promise<void> {
  await host.stop();
  const { opened: audit } = await openAudit(host.machine.system, { image: "0.1.0", clock: host.machine.system.clock });
  const command = ["sh", "-c", `curl -H "Authorization: Bearer ${argument}" example.com`];
  await audit.executed({ kind: "socket", uid: 0 }, { container: "admin", command, terminal: false });
  await audit[Symbol.asyncDispose]();
  await host.restart();
}

/** everything that a client may learn: answers and refusals of every GET, with all that they may be asked for. */
async function answersFor(client: Client): Promise<Map<string, string>> {
  const further: Partial<Record<EndpointName, object[]>> = {
    getSettings: [
      { prefix: "settings" },
      { keys: model.catalogue.map(({ key }) => key.replaceAll(/<[^>]+>/g, "marked")) },
    ],
    getModel: [{ prefix: "settings" }],
    getTransaction: [{ tx: "staged" }],
    getHistory: [{ limit: 10_000 }],
    getAffectedServices: [{ keys: ["settings.network"] }],
    getTemplates: [{ keys: ["settings.network"] }],
    getHostContainers: [{ lines: 1000 }, { lines: 0 }],
  };
  const answers = new Map<string, string>();
  for (const [name, { method, ...endpoint }] of Object.entries(endpoints)) {
    if (method !== "GET" || "upgrade" in endpoint) continue;
    for (const query of [{}, ...(further[name as EndpointName] ?? [])]) {
      // The table above has what each takes.
      const answer: unknown = await client.call(name as "getSettings", { query }).catch((error: unknown) => error);
      answers.set(`${name} ${JSON.stringify(query)}`, JSON.stringify(answer) + String(answer));
    }
  }
  return answers;
}

test("no secret is shown to read-only and operator, to logs, or to the support archive", async () => {
  await using host = await runningHost();
  const ours = await TestAuthority.make("ours");
  const port = await freePort();
  const roles = { alice: "admin", reader: "read-only", keeper: "operator" };
  const remote = { enabled: true, port, "client-cas": { ours: ours.setting }, roles };
  const marked = [present, former, deleted, staged].map(secretsWith);
  const [now, before, gone, pending] = marked.map(({ tree }) => tree);
  const change = async (body: ChangeRequest): Promise<void> => void (await host.api.call("changeSettings", { body }));
  await change({ set: { api: { remote } }, pairs: ["updates.health.containers.marked.source=example.com/it:v1"] });
  await change({ set: gone ?? {} });
  await change({ delete: [...model.leaves(gone ?? {}).keys()] });
  await change({ set: before ?? {} });
  await change({ set: now ?? {} });
  await noteProgram(host);
  await host.api.call("patchSettings", { query: { tx: "staged" }, body: pending ?? {} });

  const pendingOnly = new Set(marked.at(-1)?.markers); // it is in force nowhere
  // Every program and container prints whatever it knows.
  const markers = [...new Set([...marked.flatMap((each) => each.markers), argument])];
  const output = markers
    .filter((marker) => !pendingOnly.has(marker))
    .map((marker) => `it said TOKEN=${marker}, and ${marker} again`)
    .join("\n");
  for (const request of requestsFor({ kind: "none" }))
    if ("run" in request) host.machine.programs.set(request.run[0], () => output);

  const { fingerprint = "" } = (await host.api.call("getStatus")).remote;
  const clientOf = async (name: string): Promise<Client> => {
    const certificate = await ours.client({ names: [name] });
    return connect({ url: `https://127.0.0.1:${port}`, ...certificate, trust: { fingerprint } });
  };
  const shown = (text: string): string[] => markers.filter((marker) => text.includes(marker));
  for (const name of ["reader", "keeper"]) {
    for (const [request, text] of await answersFor(await clientOf(name)))
      expect([name, request, shown(text)]).toEqual([name, request, []]);
  }
  const whole = await answersFor(await clientOf("alice"));
  expect(shown([...whole.values()].join("\n")).length).toBeGreaterThan(5);

  const { system } = host.machine;
  await symlink(host.socket, hostPath(system, hostSocket));
  const { files } = await writeArchive(system, "/var/log/archive.tar.gz", AbortSignal.timeout(20_000));
  const archive = new Bun.Archive(await readFile(hostPath(system, "/var/log/archive.tar.gz")));
  for (const [name, file] of await archive.files()) expect([name, shown(await file.text())]).toEqual([name, []]);
  expect(files).toContain("journal.log");

  expect(shown(host.machine.logged.join("\n"))).toEqual([]);
  expect(shown(await host.machine.read("/dev/console"))).toEqual([]);
});
