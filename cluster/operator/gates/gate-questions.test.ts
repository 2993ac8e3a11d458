import { afterAll, expect, test } from "bun:test";
import { KubernetesClient } from "../../../kubernetes/client.ts";
import { type Clock, machineClock } from "../../../lib/clock.ts";
import type { Gate } from "../../policy/gate.ts";
import { GateQuestions } from "./gate-questions.ts";

/** Answers as an application with its Prometheus does; what it says can be changed. */
const world = { asked: 0, status: 200, samples: [["web", "1"]] as [pod: string, value: string][] };
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch(request) {
    const url = new URL(request.url);
    world.asked++;
    if (url.pathname !== "/prometheus/api/v1/query") return new Response("", { status: world.status });
    if (url.searchParams.get("query") !== 'up{node="n0"}') {
      return Response.json({ status: "error", errorType: "bad_data", error: "bad query" }, { status: 400 });
    }
    const result = world.samples.map(([pod, value]) => ({ metric: { pod }, value: [1_764_590_400.1, value] }));
    return Response.json({ status: "success", data: { resultType: "vector", result } });
  },
});
afterAll(async () => await server.stop(true));

let nowMs = Date.parse("2026-12-01T12:00:00Z");
const clock: Clock = { ...machineClock, now: () => new Date(nowMs) };
const client = new KubernetesClient({
  server: server.url.href,
  credentials: async () => await Promise.resolve({}),
  fetch: async (url, init) => await fetch(url, init),
  clock,
});
const { signal } = new AbortController();
const http = { name: "web", http: { url: `${server.url.href}healthz/{node}` } };
const prometheus = { name: "up", prometheus: { url: `${server.url.href}prometheus/`, query: 'up{node="{node}"}' } };

const asking = (node: string, ...gates: Gate[]) => new Map([[node, gates]]);

test("what several policies ask does not make each other's gates begin anew", async () => {
  const gates = new GateQuestions(client, fetch);
  const startedMs = nowMs;
  const asked = new Map([
    ["n0", [http]],
    ["of another policy", []],
  ]);
  await gates.ask(asked, signal);
  nowMs += 60_000;
  const answers = await gates.ask(asked, signal);
  expect(answers.get("n0")).toEqual([{ gate: "web", holds: true, since: new Date(startedMs), reason: "" }]);
});

test("a gate that holds again begins anew", async () => {
  const gates = new GateQuestions(client, fetch);
  await gates.ask(asking("n0", http), signal);
  world.status = 503;
  const url = `${server.url.href}healthz/n0`;
  expect((await gates.ask(asking("n0", http), signal)).get("n0")).toMatchObject([
    { holds: false, reason: `${url} answers 503` },
  ]);
  world.status = 200;
  nowMs += 1000;
  expect((await gates.ask(asking("n0", http), signal)).get("n0")).toMatchObject([
    { holds: true, since: new Date(nowMs) },
  ]);
});

test("a gate that is the same for many nodes is asked once in a round, one about the node for each", async () => {
  const gates = new GateQuestions(client, fetch);
  const common = { name: "shop", http: { url: `${server.url.href}shop` } };
  const asked = new Map(Array.from({ length: 100 }, (_, at) => [`n${at}`, [common]] as const));
  world.asked = 0;
  expect([...(await gates.ask(asked, signal)).values()].flat().every(({ holds }) => holds)).toBe(true);
  expect(world.asked).toBe(1);
  await gates.ask(new Map([...asked.keys()].map((name) => [name, [http]])), signal);
  expect(world.asked).toBe(101);
});

test("a query of Prometheus holds by its samples: some, and none of them 0 or no number", async () => {
  const gates = new GateQuestions(client, fetch);
  const answer = async (...samples: [pod: string, value: string][]) => {
    world.samples = samples;
    return (await gates.ask(asking("n0", prometheus), signal)).get("n0")?.[0]?.reason;
  };
  expect(await answer(["web", "1"], ["shop", "-0.5"])).toBe("");
  expect(await answer()).toBe("the query gives no sample");
  expect(await answer(["web", "1"], ["shop", "0"])).toBe('the query gives 0 for {"pod":"shop"}');
  expect(await answer(["web", "NaN"])).toBe('the query gives NaN for {"pod":"web"}');
  const wrong = { ...prometheus, prometheus: { ...prometheus.prometheus, query: "up{" } };
  const refused = (await gates.ask(asking("n0", wrong), signal)).get("n0");
  expect(refused?.[0]?.reason).toBe(`${server.url.href}prometheus/ answers 400: bad query`);
  const elsewhere = { name: "up", prometheus: { url: server.url.href, query: "up" } };
  expect((await gates.ask(asking("n0", elsewhere), signal)).get("n0")?.[0]?.reason).toContain(
    "this is not how Prometheus answers",
  );
});

test("what cannot be asked does not hold, and says why", async () => {
  const gates = new GateQuestions(client, fetch);
  const nobody = { name: "web", http: { url: "http://127.0.0.1:1/" } };
  expect((await gates.ask(asking("n0", nobody), signal)).get("n0")).toMatchObject([
    { holds: false, reason: expect.stringContaining("cannot be asked: ") },
  ]);
});
