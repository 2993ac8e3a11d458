/**
 * The real API, called as Bottlerocket's clients call it: same paths, queries, bodies and statuses. Every answer is
 * checked against the OpenAPI document that the host itself serves, and every operation of it is called.
 *
 * Source: Bottlerocket sources/api/openapi.yaml and apiserver/src/server/error.rs, as of 1.3.0 and later additions.
 */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { archivePath } from "../../../host/logdog/archive.ts";
import { assert } from "../../../lib/failure.ts";
import type { Json, JsonObject } from "../../../lib/text/json.ts";
import { eventually } from "../../eventually.ts";
import { runningHost, type RunningHost } from "../../worlds/host/running-host.ts";
import { type SoftwareTpm, softwareTpm } from "../../worlds/tpm/software-tpm.ts";
import { at, DocumentedApi } from "./documented-api.ts";

let chip: SoftwareTpm;
let host: RunningHost;
let api: DocumentedApi;

const call: DocumentedApi["call"] = async (...request) => await api.call(...request);

beforeAll(async () => {
  chip = await softwareTpm();
  host = await runningHost({ tpm: chip.tpm });
  api = await DocumentedApi.of(host.socket);
});

afterAll(async () => {
  await host?.[Symbol.asyncDispose]();
  await chip?.[Symbol.asyncDispose]();
});

describe("reading", () => {
  test("GET / shows the whole model, and part of it for a prefix", async () => {
    const whole = await call("GET", "/");
    expect(whole.status).toBe(200);
    expect(Object.keys(whole.body as object)).toEqual(["settings", "services", "configuration-files", "os"]);
    const part = await call("GET", "/?prefix=settings.motd");
    expect(part.body).toEqual({ settings: { motd: expect.any(String) } });
    expect((await call("GET", "/?prefix=os.arch")).body).toEqual({ os: { arch: expect.any(String) } });
    expect((await call("GET", "/?prefix=services.motd")).body).toHaveProperty(["services", "motd"]);
  });

  test("GET / with a prefix that nothing has is empty, not 404", async () => {
    expect(await call("GET", "/?prefix=nothing.has.this")).toEqual({ status: 200, body: {} });
  });

  test("GET /settings shows committed settings with defaults, without an outer table", async () => {
    const { body } = await call("GET", "/settings");
    expect(body).toMatchObject({ network: { hostname: "test-host" }, updates: { seed: 7 }, motd: expect.any(String) });
  });

  test("GET /settings?keys= shows just these; keys win over a prefix", async () => {
    const { body } = await call("GET", "/settings?keys=settings.updates.seed,settings.motd&prefix=settings.network");
    expect(body).toEqual({ updates: { seed: 7 }, motd: expect.any(String) });
  });

  test("GET /settings?prefix= compares text, with and without `settings.`", async () => {
    for (const prefix of ["settings.network.host", "network.host"]) {
      expect((await call("GET", `/settings?prefix=${prefix}`)).body).toEqual({ network: { hostname: "test-host" } });
    }
  });

  test("GET /settings refuses empty values, and leaves out what is not set", async () => {
    expect((await call("GET", "/settings?keys=")).status).toBe(400);
    expect((await call("GET", "/settings?prefix=")).status).toBe(400);
    const unknown = await call("GET", "/settings?keys=settings.motd,settings.mtod");
    expect(unknown).toEqual({ status: 200, body: { motd: expect.any(String) } });
    expect((await call("GET", "/settings?keys=settings.motd..x")).status).toBe(400);
  });

  test("GET /os has Bottlerocket's five facts", async () => {
    const { body } = await call("GET", "/os");
    expect(body).toEqual({
      arch: expect.stringMatching(/^(x86_64|aarch64)$/),
      build_id: "dafe3b16",
      pretty_name: "Orlop 0.1.0",
      variant_id: "dev",
      version_id: "0.1.0",
    });
  });

  test("GET /metadata/affected-services needs keys and names who reads them", async () => {
    expect((await call("GET", "/metadata/affected-services")).status).toBe(400);
    const { body } = await call("GET", "/metadata/affected-services?keys=settings.motd,settings.ntp.time-servers");
    expect(body).toEqual({ "settings.motd": ["motd"], "settings.ntp.time-servers": ["chrony"] });
  });

  test("GET /metadata/setting-generators and templates", async () => {
    expect((await call("GET", "/metadata/setting-generators")).body).toHaveProperty(["settings.network.hostname"]);
    expect((await call("GET", "/metadata/templates")).status).toBe(400);
    expect(await call("GET", "/metadata/templates?keys=settings.motd")).toEqual({ status: 200, body: {} });
  });

  test("GET /services and /configuration-files, by names and by prefix", async () => {
    expect((await call("GET", "/services")).body).toHaveProperty(["chrony", "restart-commands"]);
    expect(await call("GET", "/services?names=motd")).toEqual({
      status: 200,
      body: { motd: { "configuration-files": ["motd"], "restart-commands": [] } },
    });
    expect((await call("GET", "/services?names=modt")).status).toBe(404);
    expect(Object.keys((await call("GET", "/services?prefix=services.chr")).body as object)).toEqual(["chrony"]);
    const file = { path: "/etc/motd", "template-path": "", mode: "0644" };
    expect((await call("GET", "/configuration-files?names=motd")).body).toEqual({ motd: file });
    expect((await call("GET", "/configuration-files?names=passwd")).status).toBe(404);
    expect((await call("GET", "/configuration-files?prefix=chrony/")).body).toHaveProperty(["chrony/chrony.conf"]);
  });

  test("GET /host-containers tells how each one does", async () => {
    using programs = new DisposableStack();
    for (const name of ["systemctl", "journalctl"]) {
      const before = host.machine.programs.get(name);
      programs.defer(() => void (before === undefined ? undefined : host.machine.programs.set(name, before)));
    }
    const state = "Id=host-container@admin.service\nActiveState=inactive\nSubState=dead\nNRestarts=0\n";
    host.machine.programs.set("systemctl", () => state);
    host.machine.programs.set("journalctl", () => "last words\n");
    expect((await call("GET", "/host-containers?name=admin")).body).toEqual([
      {
        name: "admin",
        enabled: false,
        superpowered: true,
        source: "orlop.local/admin", // comes with the OS
        state: "inactive (dead)",
        restarts: 0,
        log: ["last words"],
      },
    ]);
    expect(await call("GET", "/host-containers?name=nobody")).toMatchObject({ status: 200, body: [] });
  });

  test("GET /status tells how it is", async () => {
    const { body } = await call("GET", "/status");
    expect(body).toMatchObject({
      state: "running",
      settings: { lastGoodBoot: { version: 1 } },
      remote: { enabled: false },
    });
  });

  test("GET /boot and /usage tell where the time went, and how full the host is", async () => {
    expect((await call("GET", "/boot")).status).toBe(200);
    expect((await call("GET", "/usage")).status).toBe(200);
  });

  test("GET /report lists what the variant can report on; the rest is 404 with the reason", async () => {
    expect((await call("GET", "/report")).body).toEqual([{ name: "cis", description: "CIS Bottlerocket Benchmark" }]);
    expect((await call("GET", "/report/cis?level=2&format=json")).body).toMatchObject({ level: 2, total: 28 });
    expect((await call("GET", "/report/cis")).body).toStartWith("Benchmark name:  CIS Bottlerocket Benchmark\n");
    for (const path of ["/report/cis?type=kubernetes", "/report/fips"]) {
      const { status, body } = await call("GET", path);
      expect([status, body]).toEqual([404, expect.stringContaining("variant dev has no")]);
    }
  });

  test("GET /attestation is signed by the TPM with the nonce; a nonce has 8 to 32 bytes", async () => {
    const nonce = "00112233445566778899aabbccddeeff";
    const { status, body } = await call("GET", `/attestation?nonce=${nonce}`);
    expect([status, body]).toEqual([200, expect.objectContaining({ format: 1, nonce })]);
    for (const bad of ["", "?nonce=", "?nonce=0011", "?nonce=xyz", `?nonce=${"00".repeat(33)}`]) {
      expect((await call("GET", `/attestation${bad}`)).status).toBe(400);
    }
  });

  test("GET /openapi.json is the document itself", async () => {
    expect((await call("GET", "/openapi.json")).body).toEqual(api.document);
  });
});

describe("changing", () => {
  test("PATCH, GET /tx, commit_and_apply: staged settings become current, and their keys are told", async () => {
    expect(
      (await call("PATCH", "/settings?tx=a", { motd: "ahoy", ntp: { "time-servers": ["time.example.org"] } })).status,
    ).toBe(204);
    expect((await call("GET", "/tx?tx=a")).body).toEqual({
      motd: "ahoy",
      ntp: { "time-servers": ["time.example.org"] },
    });
    expect((await call("GET", "/tx/list")).body).toEqual(["a"]);
    expect((await call("GET", "/settings?keys=settings.motd")).body).not.toEqual({ motd: "ahoy" });
    const { status, body } = await call("POST", "/tx/commit_and_apply?tx=a");
    expect([status, body]).toEqual([200, ["settings.motd", "settings.ntp.time-servers"]]);
    expect((await call("GET", "/settings?keys=settings.motd")).body).toEqual({ motd: "ahoy" });
    expect((await call("GET", "/tx/list")).body).toEqual([]);
  });

  test("POST /changes: what it names is deleted, then set, in one transaction, and what is staged stays staged", async () => {
    await call("PATCH", "/settings?tx=staged", { motd: "staged" });
    const body = { set: { motd: "at once" }, pairs: ["updates.seed=9"], message: "in one request" };
    expect(await call("POST", "/changes", body)).toEqual({
      status: 200,
      body: { changed: ["settings.motd", "settings.updates.seed"], version: expect.any(Number) },
    });
    expect((await call("GET", "/history?limit=1")).body).toMatchObject([{ says: "in one request" }]);
    expect((await call("GET", "/tx/list")).body).toEqual(["staged"]);
    await call("DELETE", "/tx?tx=staged");
    const again = { delete: ["updates.seed", "motd"], pairs: ["updates.seed=7"], set: { motd: "ahoy" } };
    const { body: done } = await call("POST", "/changes?wait=1", again);
    expect(done).toMatchObject({ changed: ["settings.motd", "settings.updates.seed"], result: expect.any(Object) });
    expect(await call("POST", "/changes?wait=1", again)).toMatchObject({ status: 200, body: { changed: [] } });
  });

  test("POST /changes refuses as staging and committing do, and nothing changes or stays staged", async () => {
    const before = (await call("GET", "/history?limit=1")).body;
    const code = async (body: Json): Promise<unknown> => {
      const refused = await call("POST", "/changes", body, "application/json");
      return [refused.status, Object(refused.body).code];
    };
    expect(await code({ set: { mtod: "x" } })).toEqual([400, "bad-settings"]);
    expect(await code({ pairs: ["motd=x", "updates.seed=many"] })).toEqual([400, "bad-settings"]);
    expect(await code({ set: { api: { remote: { enabled: true } } } })).toEqual([400, "unmet-requirements"]);
    expect(await code({ delete: ["settings.mtod"] })).toEqual([404, "no-such-key"]);
    expect(await code({})).toEqual([422, "nothing-pending"]);
    expect(await code({ sets: { motd: "x" } })).toEqual([400, "bad-body"]);
    expect(await code({ set: { motd: "x" }, message: "\ud800" })).toEqual([400, "bad-body"]);
    expect((await call("POST", "/changes")).status).toBe(400);
    expect((await call("POST", "/changes?try=1", { set: { motd: "x" } })).status).toBe(400);
    expect([(await call("GET", "/history?limit=1")).body, (await call("GET", "/tx/list")).body]).toEqual([before, []]);
  });

  test("the transaction is `default` when none is named", async () => {
    await call("PATCH", "/settings", { motd: "default" });
    expect((await call("GET", "/tx?tx=default")).body).toEqual({ motd: "default" });
    expect(await call("POST", "/tx/commit")).toEqual({ status: 200, body: ["settings.motd"] });
  });

  test("commit without anything staged is 422", async () => {
    for (const path of ["/tx/commit", "/tx/commit_and_apply"]) {
      expect(await call("POST", `${path}?tx=empty`)).toMatchObject({
        status: 422,
        body: expect.stringContaining("nothing is staged"),
      });
    }
  });

  test("a commit answers only the keys whose value changed", async () => {
    await call("PATCH", "/settings?tx=same", { motd: "default" });
    expect(await call("POST", "/tx/commit?tx=same")).toEqual({ status: 200, body: [] });
  });

  test("DELETE /tx forgets and tells what", async () => {
    await call("PATCH", "/settings?tx=b", { motd: "never" });
    expect(await call("DELETE", "/tx?tx=b")).toEqual({ status: 200, body: ["settings.motd"] });
    expect(await call("DELETE", "/tx?tx=b")).toEqual({ status: 200, body: [] });
    expect((await call("GET", "/tx?tx=b")).body).toEqual({});
  });

  test("PATCH refuses unknown keys and bad values with 400, all of them, and stages nothing", async () => {
    const tree = { motdd: "x", kernel: { lockdown: "severe" } };
    const text = await call("PATCH", "/settings?tx=bad", tree);
    expect(text.status).toBe(400);
    expect(text.body).toContain("settings.motdd");
    expect(text.body).toContain("settings.kernel.lockdown must be one of none, integrity, confidentiality");
    const json = await call("PATCH", "/settings?tx=bad", tree, "application/json");
    expect(json.body).toMatchObject({
      code: "bad-settings",
      problems: [{ key: "settings.motdd", suggestion: "motd" }, { key: "settings.kernel.lockdown" }],
    });
    expect((await call("GET", "/tx/list")).body).toEqual([]);
  });

  test("PATCH /settings/keypair: the setting decides the type", async () => {
    const pairs = ["motd=42", "settings.updates.seed=42", 'ntp.time-servers=["a.example", "b.example"]'];
    expect((await call("PATCH", "/settings/keypair?tx=k", { request_payload: pairs })).status).toBe(204);
    expect((await call("GET", "/tx?tx=k")).body).toEqual({
      motd: "42",
      updates: { seed: 42 },
      ntp: { "time-servers": ["a.example", "b.example"] },
    });
    await call("DELETE", "/tx?tx=k");
    for (const wrong of ["motd", "mtod=x", "updates.seed=many"]) {
      expect((await call("PATCH", "/settings/keypair?tx=k", { request_payload: [wrong] })).status).toBe(400);
    }
    const many = Array.from({ length: 1000 }, (_, number) => `unknown-${number}=1`);
    const body = { request_payload: many };
    const refused = await call("PATCH", "/settings/keypair?tx=k", body, "application/json");
    expect(Object(refused.body).problems).toHaveLength(100);
  });

  test("a setting that needs another one is refused at commit, with every problem, and stays staged", async () => {
    await call("PATCH", "/settings?tx=r", { api: { remote: { enabled: true } } });
    const refused = await call("POST", "/tx/commit_and_apply?tx=r", undefined, "application/json");
    expect(refused).toMatchObject({
      status: 400,
      body: { code: "unmet-requirements", problems: [{ key: "settings.api.remote.client-cas" }] },
    });
    expect((await call("DELETE", "/tx?tx=r")).body).toEqual(["settings.api.remote.enabled"]);
  });

  test("POST /tx/apply is 204 at once, and 200 with the report for wait=1", async () => {
    expect((await call("POST", "/tx/apply")).status).toBe(204);
    expect((await call("POST", "/tx/apply?keys=settings.motd")).status).toBe(204);
    const { status, body } = await call("POST", "/tx/apply?wait=1");
    expect(status).toBe(200);
    expect(body).toMatchObject({ reconcilers: expect.arrayContaining([expect.objectContaining({ name: "files" })]) });
  });

  test("wait=1 tells what was done, and which unit failed and why", async () => {
    await call("PATCH", "/settings?tx=w", { ntp: { "time-servers": ["other.example.org"] } });
    const chrony = host.units.get("chrony.service");
    assert(chrony !== undefined);
    chrony.breaks = { result: "exit-code", journal: "Could not parse server directive" };
    const { body } = await call("POST", "/tx/commit_and_apply?tx=w&wait=1");
    delete chrony.breaks;
    expect(body).toMatchObject({ changed: ["settings.ntp.time-servers"], version: expect.any(Number) });
    const files = at(body as Json, ["result", "reconcilers"]) as JsonObject[];
    expect(files.find(({ name }) => name === "files")).toMatchObject({
      failure: { unit: "chrony.service", journal: "Could not parse server directive" },
    });
    expect((await call("GET", "/status")).body).toMatchObject({ state: "degraded" });
    await call("POST", "/tx/apply?wait=1");
    expect((await call("GET", "/status")).body).toMatchObject({ state: "running" });
  });
});

describe("planning and going back", () => {
  test("POST /plan says what would change, and nothing does", async () => {
    const before = (await call("GET", "/status")).body;
    const { body } = await call("POST", "/plan", { set: { motd: "planned" } });
    expect(body).toMatchObject({
      changes: [{ key: "settings.motd", after: "planned" }],
      reconcilers: expect.arrayContaining([
        { name: "files", effects: [{ says: "change /etc/motd", file: { path: "/etc/motd", change: "modify" } }] },
      ]),
      rebootNeeded: [],
    });
    expect(at((await call("GET", "/status")).body as Json, ["settings"])).toEqual(at(before as Json, ["settings"]));
    expect(await host.machine.read("/etc/motd")).not.toContain("planned");
  });

  test("POST /plan of a transaction is what its commit then does", async () => {
    await call("PATCH", "/settings?tx=p", { motd: "as planned" });
    const planned = (await call("POST", "/plan?tx=p")).body as JsonObject;
    const done = (await call("POST", "/tx/commit_and_apply?tx=p&wait=1")).body as JsonObject;
    const effects = (report: Json | undefined): Json =>
      (at(report, ["reconcilers"]) as JsonObject[]).map(({ name, effects: list }) => [name ?? null, list ?? null]);
    expect(effects(planned)).toEqual(effects(at(done, ["result"])));
  });

  test("POST /plan refuses what a commit would refuse", async () => {
    expect((await call("POST", "/plan", { set: { mtod: "x" } })).status).toBe(400);
    expect((await call("POST", "/plan", { set: { api: { remote: { enabled: true } } } })).status).toBe(400);
    expect((await call("POST", "/plan", { delete: ["settings.mtod"] })).status).toBe(404);
    expect((await call("POST", "/plan", ["motd"])).status).toBe(400);
  });

  test("DELETE /settings returns to the default, for a setting and for all below", async () => {
    const standard = { motd: "Welcome to Orlop!" };
    expect((await call("DELETE", "/settings?keys=motd,settings.ntp&tx=d")).status).toBe(204);
    expect((await call("GET", "/tx?tx=d")).body).toEqual({ motd: null, ntp: { "time-servers": null } });
    expect((await call("POST", "/tx/commit_and_apply?tx=d&wait=1")).status).toBe(200);
    expect((await call("GET", "/settings?keys=settings.motd")).body).toEqual(standard);
    expect((await call("DELETE", "/settings?keys=settings.motd&tx=d")).status).toBe(204);
    expect(await call("POST", "/tx/commit?tx=d")).toEqual({ status: 200, body: [] });
    expect((await call("DELETE", "/settings?keys=settings.mtod")).status).toBe(404);
    expect((await call("DELETE", "/settings")).status).toBe(400);
  });

  test("GET /history is newest first and says who, when and what", async () => {
    await call("PATCH", "/settings?tx=h", { motd: "history" });
    await call("POST", "/tx/commit?tx=h&message=for+the+record");
    const { body } = await call("GET", "/history?limit=1");
    expect(body).toEqual([
      {
        version: expect.any(Number),
        at: "2026-01-01T00:00:00.000Z",
        by: { kind: "socket", uid: process.getuid?.() ?? -1, pid: process.pid },
        image: "0.1.0",
        says: "for the record",
        changes: [{ key: "settings.motd", after: "history" }],
        hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
    ]);
    expect((await call("GET", "/history?limit=0")).status).toBe(400);
  });

  test("POST /actions/undo takes back the newest change, and twice is as before", async () => {
    const motd = async (): Promise<unknown> => (await call("GET", "/settings?keys=settings.motd")).body;
    await call("POST", "/actions/undo?wait=1");
    expect(await motd()).toEqual({ motd: "Welcome to Orlop!" });
    await call("POST", "/actions/undo");
    expect(await motd()).toEqual({ motd: "history" });
    expect((await call("POST", "/actions/undo?version=999999")).status).toBe(404);
  });

  test("POST /actions/undo of what was changed again since is 409 and names the keys", async () => {
    const [older] = (await call("GET", "/history?limit=1")).body as JsonObject[];
    await call("PATCH", "/settings?tx=u", { motd: "newer" });
    await call("POST", "/tx/commit?tx=u");
    const { status, body } = await call("POST", `/actions/undo?version=${Number(older?.["version"])}`);
    expect([status, body]).toEqual([409, expect.stringContaining("settings.motd")]);
  });

  test("POST /actions/restore by version, by time, by the last good boot", async () => {
    const { body } = await call("POST", "/actions/restore?version=1&wait=1");
    expect(body).toMatchObject({ changed: ["settings.motd"], result: { reconcilers: expect.any(Array) } });
    expect((await call("POST", "/actions/restore?last-good-boot=1")).body).toMatchObject({ changed: [] });
    expect((await call("POST", "/actions/restore?time=2026-01-01T00:00:00Z")).status).toBe(200);
    expect((await call("POST", "/actions/restore?time=2025-01-01T00:00:00Z")).status).toBe(404);
    expect((await call("POST", "/actions/restore?version=999999")).status).toBe(404);
    expect((await call("POST", "/actions/restore")).status).toBe(400);
    expect((await call("POST", "/actions/restore?version=1&last-good-boot=1")).status).toBe(400);
  });

  test("a trial is told, confirmed and reverted", async () => {
    await call("PATCH", "/settings?tx=t", { motd: "trial" });
    const { body } = await call("POST", "/tx/commit_and_apply?tx=t&wait=1&try=60");
    expect(body).toMatchObject({ trial: { deadline: "2026-01-01T00:01:00.000Z" } });
    expect((await call("POST", "/actions/confirm")).status).toBe(204);
    expect((await call("POST", "/actions/confirm")).status).toBe(409);
    expect((await call("POST", "/actions/revert")).status).toBe(409);
    await call("PATCH", "/settings?tx=t", { motd: "trial again" });
    await call("POST", "/tx/commit_and_apply?tx=t&try=60");
    expect((await call("POST", "/changes", { set: { motd: "third" } })).status).toBe(409);
    expect((await call("POST", "/actions/revert")).body).toMatchObject({ changed: ["settings.motd"] });
    const { body: tried } = await call("POST", "/changes?try=60", { set: { motd: "tried" } });
    expect(tried).toMatchObject({ changed: ["settings.motd"], trial: { deadline: expect.any(String) } });
    expect((await call("POST", "/actions/revert")).body).toMatchObject({ changed: ["settings.motd"] });
  });
});

describe("what services do for the API", () => {
  const service = (name: string, does?: () => void) => {
    host.units.set(name, { state: "inactive", started: 0, reloaded: 0, ...(does && { does }) });
    return { started: () => host.units.get(name)?.started };
  };

  test("ephemeral storage is listed, made and bound, and nothing else is taken for it", async () => {
    const { started } = service("ephemeral-storage.service");
    const path = "/actions/ephemeral-storage";
    expect(await call("GET", `${path}/list-disks?format=json`)).toEqual({ status: 200, body: [] });
    expect(await call("GET", `${path}/list-disks`)).toEqual({ status: 200, body: "" });
    expect((await call("GET", `${path}/list-dirs`)).body).toContain("/var/lib/containerd\n");
    expect((await call("POST", `${path}/init`, {})).status).toBe(204);
    expect((await call("POST", `${path}/bind`, { targets: ["/var/lib/containerd"] })).status).toBe(204);
    expect(started()).toBe(2);
    expect((await call("POST", `${path}/init`, { disks: ["/dev/vda"] })).status).toBe(400);
    expect((await call("POST", `${path}/bind`, { targets: ["/etc"] })).status).toBe(400);
    expect(started()).toBe(2);
  });

  test("GET /exec is for WebSocket", async () => {
    expect((await call("GET", "/exec")).status).toBe(426);
  });

  test("POST /actions/support-archive gives what the service wrote", async () => {
    const path = join(host.machine.system.root, archivePath);
    await host.machine.write(archivePath, "an old one");
    const { started } = service("logdog.service", () => writeFileSync(path, "an archive"));
    expect(await call("POST", "/actions/support-archive")).toEqual({ status: 200, body: "an archive" });
    expect(started()).toBe(1);
    // It takes the one before away first.
    service("logdog.service", () => rmSync(path));
    expect((await call("POST", "/actions/support-archive")).status).toBe(409);
  });
});

describe("actions", () => {
  test("POST /actions/reboot asks the service manager and is 204", async () => {
    host.machine.programs.set("systemctl", () => "");
    expect((await call("POST", "/actions/reboot")).status).toBe(204);
    await eventually(async () => expect(host.machine.ran.at(-1)).toBe("systemctl --no-block reboot"));
  });

  test("before the first look for updates there is no status, and nothing to prepare, activate or take back", async () => {
    expect((await call("GET", "/updates/status")).status).toBe(404);
    for (const action of ["prepare", "activate", "deactivate"]) {
      const { status, body } = await call("POST", `/actions/${action}-update`);
      expect([status, body]).toEqual([409, expect.stringContaining("the update state is idle")]);
    }
    expect((await call("POST", "/actions/release-update?version=1.0.0")).status).toBe(404);
    expect((await call("GET", "/updates/explain")).status).toBe(409);
  });

  test("a look for updates is accepted at once, and its result is in the status", async () => {
    expect((await call("POST", "/actions/refresh-updates")).status).toBe(204);
    let answer = await call("GET", "/updates/status");
    for (let tries = 0; answer.status !== 200 && tries < 100; tries++) {
      await Bun.sleep(20);
      answer = await call("GET", "/updates/status");
    }
    expect(answer.body).toMatchObject({
      update_state: "Idle",
      available_updates: [],
      chosen_update: null,
      staging_partition: null,
      most_recent_command: { cmd_type: "refresh", cmd_status: "Failed", exit_status: 1 },
    });
  });

  test("what does not exist is 404, another method 405", async () => {
    expect((await call("GET", "/nothing")).status).toBe(404);
    expect((await call("PUT", "/settings", {})).status).toBe(405);
    expect((await call("POST", "/status")).status).toBe(405);
  });

  test("POST /actions/forget tells up to which version the history went, and which key is none", async () => {
    for (const motd of ["to be forgotten", "kept"]) await call("POST", "/changes", { set: { motd } });
    const { status, body } = await call("POST", "/actions/forget?key=settings.motd");
    expect([status, body]).toEqual([
      200,
      { key: "settings.motd", upTo: expect.any(Number), version: expect.any(Number) },
    ]);
    expect(JSON.stringify((await call("GET", "/history")).body)).not.toContain("to be forgotten");
    expect((await call("POST", "/actions/forget?key=settings.no-such")).status).toBe(404);
  });

  test("POST /actions/recovery-key is 404 on a host whose partitions are not encrypted", async () => {
    const { status, body } = await call("POST", "/actions/recovery-key");
    expect([status, body]).toEqual([404, expect.stringContaining("the partitions of this host are not encrypted")]);
  });

  // The last one: nothing that the API can be asked takes it back.
  test("POST /actions/lockdown is 204, and every change is 423 from then on", async () => {
    expect((await call("POST", "/actions/lockdown")).status).toBe(204);
    const { status, body } = await call("POST", "/changes", { set: { motd: "too late" } });
    expect([status, body]).toEqual([423, expect.stringContaining("locked down until the next boot")]);
    expect((await call("GET", "/settings?keys=settings.motd")).body).not.toMatchObject({ motd: "too late" });
  });
});

test("every operation of the document was called", () => {
  expect(api.called).toEqual(api.operations);
});
