import { expect, test } from "bun:test";
import { Failure } from "../../lib/failure.ts";
import { factsOf, settingsOf } from "../../test/worlds/host/settings.ts";
import { testSystem } from "../../test/worlds/host/system.ts";
import { sendReport } from "./send.ts";

const facts = factsOf("dev");
const { signal } = new AbortController();

/** A server of reports that remembers what it was told. */
function reportServer(status = 200) {
  const requests: URL[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch({ url }) {
      requests.push(new URL(url));
      return new Response("", { status });
    },
  });
  const metrics = { "send-metrics": true, "metrics-url": `http://127.0.0.1:${server.port}/v1/metrics?fleet=one` };
  return { requests, metrics, [Symbol.asyncDispose]: () => server.stop(true) };
}

test("a boot report says which host came up, and keeps what the address has", async () => {
  await using server = reportServer();
  await using host = await testSystem({ fetch });
  const settings = settingsOf({ metrics: server.metrics, updates: { seed: 7, "version-lock": "v1.2.3" } });
  expect((await sendReport(host.system, "boot_success", settings, facts, signal)).kind).toBe("sent");
  expect(Object.fromEntries(server.requests[0]?.searchParams ?? [])).toEqual({
    fleet: "one",
    sender: "metricdog",
    event: "boot_success",
    version: facts.versionId,
    variant: "dev",
    arch: facts.arch,
    region: "global",
    seed: "7",
    version_lock: "v1.2.3",
    ignore_waves: "false",
  });
});

test("a health report names the services that do not run, with their exit status, under the names of the setting", async () => {
  await using server = reportServer();
  await using host = await testSystem({ fetch });
  host.programs.set("systemctl", (argv) =>
    argv.at(-1) === "chrony.service"
      ? "ActiveState=failed\nExecMainStatus=1\n"
      : "ActiveState=active\nExecMainStatus=0\n",
  );
  const settings = settingsOf({ metrics: { ...server.metrics, "service-checks": ["apiserver", "chronyd"] } });
  await sendReport(host.system, "health_ping", settings, facts, signal);
  expect(new Set(host.ran.map((line) => line.split(" ").at(-1)))).toEqual(new Set(["chrony.service", "hostd.service"]));
  expect(server.requests[0]?.searchParams.get("is_healthy")).toBe("false");
  expect(server.requests[0]?.searchParams.get("failed_services")).toBe("chronyd:1");
});

test("a service that systemd does not tell about is no healthy one, and keeps no report from being sent", async () => {
  await using server = reportServer();
  await using host = await testSystem({ fetch });
  host.programs.set("systemctl", (argv) => {
    if (argv.at(-1) === "chrony.service") throw new Failure("timed-out", "cannot run systemctl: not done after 30 s");
    return "ActiveState=active\nExecMainStatus=0\n";
  });
  const settings = settingsOf({ metrics: { ...server.metrics, "service-checks": ["apiserver", "chronyd"] } });
  expect((await sendReport(host.system, "health_ping", settings, facts, signal)).kind).toBe("sent");
  expect(server.requests[0]?.searchParams.get("is_healthy")).toBe("false");
  expect(server.requests[0]?.searchParams.get("failed_services")).toBe("chronyd:unknown");
});

test("a host that is not asked to report tells nobody", async () => {
  await using server = reportServer();
  await using host = await testSystem({ fetch });
  const settings = settingsOf({ metrics: { ...server.metrics, "send-metrics": false } });
  expect(await sendReport(host.system, "boot_success", settings, facts, signal)).toEqual({ kind: "off" });
  expect(server.requests).toEqual([]);
});

test("a server that refuses is no failure of the host", async () => {
  await using server = reportServer(503);
  await using host = await testSystem({ fetch });
  const sent = await sendReport(host.system, "boot_success", settingsOf({ metrics: server.metrics }), facts, signal);
  expect(sent).toEqual({ kind: "failed", reason: "the server answered 503" });
});

test("reports go through the proxy of the settings", async () => {
  await using server = reportServer();
  let request: string | undefined;
  await using host = await testSystem({
    fetch: async (url, init) => {
      request = "proxy" in init ? String(init.proxy) : undefined;
      return await Promise.resolve(new Response(url.href.slice(0, 0)));
    },
  });
  const metrics = { ...server.metrics, "metrics-url": "https://metrics.example.com/v1" };
  const settings = settingsOf({ metrics, network: { "https-proxy": "http://proxy.example.com:3128" } });
  await sendReport(host.system, "boot_success", settings, facts, signal);
  expect(request).toBe("http://proxy.example.com:3128");
});
