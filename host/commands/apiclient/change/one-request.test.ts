/** A change is one request over one connection; counted between the client and a running host. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Transform } from "node:stream";
import { invoke } from "../../../../lib/command/command-line.ts";
import { runningHost, type RunningHost } from "../../../../test/worlds/host/running-host.ts";
import { apiclient } from "../../apiclient.ts";

let host: RunningHost;
let directory = "";
beforeAll(async () => {
  host = await runningHost();
  directory = await mkdtemp(join(tmpdir(), "one-request-"));
});
afterAll(async () => {
  await host[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

/** Passes on what goes to the host, and counts. `seen` is what the host gets of each chunk. */
async function counted(seen: (text: string) => string = (text) => text) {
  const socket = join(directory, "counted.sock");
  let connections = 0;
  const requests: string[] = [];
  const server = createServer((client) => {
    connections++;
    const toHost = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        const text = chunk.toString("latin1");
        for (const [, request = ""] of text.matchAll(/^([A-Z]+ [^ ?]+)\S* HTTP\/1\.1\r$/gm)) requests.push(request);
        done(null, Buffer.from(seen(text), "latin1"));
      },
    });
    const upstream = connect(host.socket);
    client.pipe(toHost).pipe(upstream).pipe(client);
    for (const end of [client, upstream]) end.on("error", () => end.destroy());
  });
  server.listen(socket);
  await once(server, "listening");
  return {
    async run(stdin: string, ...words: string[]) {
      [connections, requests.length] = [0, 0];
      const { stderr, exitCode } = await invoke(apiclient, ["-s", socket, ...words], { stdin });
      return { stderr, exitCode, connections, requests: [...requests] };
    },
    async [Symbol.asyncDispose]() {
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const well = { stderr: "", exitCode: 0, connections: 1 };

test("set, delete and try are one request, and apply is one after it asked what host it is", async () => {
  await using client = await counted();
  const change = { ...well, requests: ["POST /changes"] };
  expect(await client.run("", "set", "motd=one")).toEqual(change);
  expect(await client.run("", "set", "--json", '{"motd": "two"}')).toEqual(change);
  expect(await client.run("", "delete", "motd")).toEqual(change);
  expect(await client.run("", "try", "set", "motd=three")).toEqual(change);
  expect(await host.api.call("getStatus")).toMatchObject({ trial: { version: expect.any(Number) } });
  await host.api.call("confirm");
  expect(await client.run('settings.motd = "four"', "apply")).toEqual({
    ...well,
    requests: ["GET /os", "POST /changes"],
  });
  expect(await client.run("", "plan", "set", "motd=five")).toEqual({ ...well, requests: ["POST /plan"] });
  const [newest] = await host.api.call("getHistory", { query: { limit: 1 } });
  expect(newest).toMatchObject({ says: "apply standard input", changes: [{ before: "three", after: "four" }] });
});

test("a large document goes over the same connection", async () => {
  await using client = await counted();
  const text = "x".repeat(900_000);
  const sent = await client.run(`settings.motd = "${text}"`, "apply");
  expect(sent).toEqual({ ...well, requests: ["GET /os", "POST /changes"] });
  expect(await host.api.call("getSettings", { query: { keys: ["motd"] } })).toEqual({ motd: text });
});

test("on a host of before that, the change is staged and committed, still over one connection", async () => {
  await using client = await counted((text) => text.replace("POST /changes?", "POST /chances?"));
  const staged = { ...well, requests: ["POST /changes", "PATCH /settings/keypair", "POST /tx/commit_and_apply"] };
  expect(await client.run("", "set", "motd=older")).toEqual(staged);
  const [newest] = await host.api.call("getHistory", { query: { limit: 1 } });
  expect(newest).toMatchObject({ says: "set settings.motd", changes: [{ after: "older" }] });
  const deleted = { ...well, requests: ["POST /changes", "DELETE /settings", "POST /tx/commit_and_apply"] };
  expect(await client.run("", "delete", "motd")).toEqual(deleted);
  expect(await host.api.call("listTransactions")).toEqual([]);
});
