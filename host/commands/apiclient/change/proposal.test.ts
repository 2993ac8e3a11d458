import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "bun:test";
import { invoke } from "../../../../lib/command/command-line.ts";
import { apiclient } from "../../apiclient.ts";

/** A host that answers as the test says, by method and path. */
async function host(answers: Record<string, [status: number, body?: string]>) {
  const directory = await mkdtemp(join(tmpdir(), "proposal-"));
  const socket = join(directory, "api.sock");
  const asked: string[] = [];
  const server = createServer(({ method, url = "" }, response) => {
    const name = `${method} ${url.split("?", 1)[0]}`;
    asked.push(name);
    const [status, body] = answers[name] ?? [404];
    response.writeHead(status).end(body);
  });
  server.listen(socket);
  await once(server, "listening");
  return {
    asked,
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

test("who may not stage reads so, and nothing is dropped that was not staged", async () => {
  const forbidden = JSON.stringify({ code: "forbidden", message: "cannot PATCH /settings/keypair: it needs admin" });
  await using strict = await host({ "PATCH /settings/keypair": [403, forbidden] });
  expect(await strict.run("set", "motd=x")).toEqual({
    stdout: "",
    stderr: "apiclient: cannot PATCH /settings/keypair: it needs admin\n",
    exitCode: 1,
  });
  expect(strict.asked).toEqual(["PATCH /settings/keypair"]);
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
  expect(planning.asked).toEqual(["POST /plan", "POST /plan", "POST /plan"]);
});

test("a document that cannot be read is told, whether there is a host or not", async () => {
  const { stderr } = await invoke(apiclient, ["-s", "/no/such/socket", "apply", "/no/such/file"]);
  expect(stderr).toStartWith("apiclient: cannot read /no/such/file");
});
