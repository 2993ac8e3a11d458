import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "bun:test";
import { invoke } from "../../../../lib/command/command-line.ts";
import { apiclient } from "../../apiclient.ts";

const nowhere = JSON.stringify({ code: "no-such-endpoint", message: "there is no such path" });

/** A host that answers as the test says, by method and path; without an answer for `POST /changes` it is an older one. */
async function host(answers: Record<string, [status: number, body?: string]>) {
  const directory = await mkdtemp(join(tmpdir(), "proposal-"));
  const socket = join(directory, "api.sock");
  const requests: string[] = [];
  const server = createServer(({ method, url = "" }, response) => {
    const name = `${method} ${url.split("?", 1)[0]}`;
    requests.push(name);
    const [status, body] = answers[name] ?? [404, nowhere];
    response.writeHead(status).end(body);
  });
  server.listen(socket);
  await once(server, "listening");
  return {
    requests,
    run: async (...words: string[]) => await invoke(apiclient, ["-s", socket, ...words]),
    async [Symbol.asyncDispose]() {
      server.close();
      await rm(directory, { recursive: true });
    },
  };
}

const refused = JSON.stringify({ code: "unmet-requirements", message: "cannot commit: some settings need others" });

test("why a change failed is what the person reads, also when what was staged cannot be dropped", async () => {
  await using broken = await host({
    "PATCH /settings/keypair": [204],
    "POST /tx/commit_and_apply": [400, refused],
    "DELETE /tx": [500, "the host has a bug"],
  });
  const { stderr, exitCode } = await broken.run("set", "motd=x");
  const [first, second] = stderr.trim().split("\n");
  expect(first).toMatch(/^apiclient: transaction apiclient-[0-9a-f]+ stays staged: cannot DELETE \/tx/);
  expect([second, exitCode]).toEqual(["apiclient: cannot commit: some settings need others", 1]);
});

test("who may not change an older host reads so, and nothing is dropped that was not staged", async () => {
  const forbidden = JSON.stringify({ code: "forbidden", message: "cannot PATCH /settings/keypair: it needs admin" });
  await using strict = await host({ "PATCH /settings/keypair": [403, forbidden] });
  expect(await strict.run("set", "motd=x")).toEqual({
    stdout: "",
    stderr: "apiclient: cannot PATCH /settings/keypair: it needs admin\n",
    exitCode: 1,
  });
  expect(strict.requests).toEqual(["POST /changes", "PATCH /settings/keypair"]);
});

test("what the host refuses is no reason to stage it", async () => {
  await using strict = await host({ "POST /changes": [400, refused] });
  expect(await strict.run("delete", "motd")).toMatchObject({
    stderr: "apiclient: cannot commit: some settings need others\n",
    exitCode: 1,
  });
  expect(strict.requests).toEqual(["POST /changes"]);
});

test("a refusal is told once, also for a document", async () => {
  await using trial = await host({
    "GET /os": [200, JSON.stringify({ variant_id: "dev" })],
    "POST /changes": [409, JSON.stringify({ code: "on-trial", message: "cannot change settings: on trial" })],
  });
  const { stderr } = await trial.run("apply", `base64:${Buffer.from('settings.motd = "x"').toString("base64")}`);
  expect(stderr).toBe("apiclient: cannot change settings: on trial\n");
});

test("a plan stages nothing", async () => {
  const plan = JSON.stringify({ changes: [], reconcilers: [], rebootNeeded: [] });
  await using planning = await host({ "POST /plan": [200, plan] });
  for (const words of [
    ["set", "motd=x"],
    ["set", "--json", '{"motd": "x"}'],
    ["delete", "motd"],
  ]) {
    expect((await planning.run("plan", ...words)).exitCode).toBe(0);
  }
  expect(planning.requests).toEqual(["POST /plan", "POST /plan", "POST /plan"]);
});

test("a document that cannot be read is told, whether there is a host or not", async () => {
  const { stderr } = await invoke(apiclient, ["-s", "/no/such/socket", "apply", "/no/such/file"]);
  expect(stderr).toStartWith("apiclient: cannot read /no/such/file");
});
