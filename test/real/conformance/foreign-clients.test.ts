/**
 * What programs of others send to a host and expect of it, byte for byte: Bottlerocket's apiclient (its crate and its
 * command line), and the agent of its update operator.
 *
 * Sources: bottlerocket-core-kit sources/api/apiclient/src, bottlerocket-update-operator agent/src/apiclient.rs.
 */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { invoke } from "../../../lib/command/command-line.ts";
import { apiclient } from "../../../host/commands/apiclient.ts";
import { runningHost, type RunningHost } from "../../worlds/host/running-host.ts";
import { sendBytes, type RawAnswer } from "./raw-http.ts";
import { heldMirror, type HeldMirror } from "./held-mirror.ts";

let host: RunningHost;
let mirror: HeldMirror;
beforeAll(async () => {
  host = await runningHost();
  mirror = await heldMirror(host);
});
afterAll(async () => {
  mirror.release();
  await host[Symbol.asyncDispose]();
  await mirror[Symbol.asyncDispose]();
});

/** As hyper over a unix socket writes it: the path of the socket, in hexadecimal, is the host. */
async function hyper(method: string, uri: string, body?: string): Promise<RawAnswer> {
  const length = method === "GET" || body === undefined ? "" : `content-length: ${Buffer.byteLength(body)}\r\n`;
  const head = `${method} ${uri} HTTP/1.1\r\ncontent-type: application/json\r\nhost: 2f72756e2f6170692e736f636b\r\n`;
  return await sendBytes(host.socket, `${head}${length}\r\n${body ?? ""}`);
}

async function whenDone(poll: () => Promise<RawAnswer>): Promise<RawAnswer> {
  for (;;) {
    const answer = await poll();
    if (answer.status !== 423) return answer;
    await Bun.sleep(10);
  }
}

describe("apiclient exec", () => {
  const upgrade = (key: string): string =>
    "GET /exec HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\n" +
    `sec-websocket-version: 13\r\nsec-websocket-key: ${key}\r\n\r\n`;
  /** RFC 6455, 4.2.2 */
  const acceptOf = (key: string): string =>
    createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");

  test.each(["dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ=="])("connects with the key %s", async (key) => {
    const { status, headers } = await sendBytes(host.socket, upgrade(key));
    expect([status, headers.get("sec-websocket-accept")]).toEqual([101, acceptOf(key)]);
  });

  test.each(["", "dGhlIHNhbXBsZSBub25j", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25j!!"])(
    "does not connect with the key %j",
    async (key) => {
      expect((await sendBytes(host.socket, upgrade(key))).status).toBe(400);
    },
  );
});

describe("apiclient update", () => {
  test("check polls each 100 ms, gives up after five answers that are neither a success nor 423, and finds its result", async () => {
    expect((await hyper("GET", "/updates/status")).status).toBe(404); // "first call"
    expect((await hyper("POST", "/actions/refresh-updates")).status).toBe(204);
    await mirror.asked();
    for (let poll = 0; poll < 5; poll++) {
      expect((await hyper("GET", "/updates/status")).status).toBe(423);
    }
    mirror.release();
    const answer = await whenDone(async () => await hyper("GET", "/updates/status"));
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([
      200,
      { most_recent_command: { cmd_type: "refresh" } },
    ]);
  });

  test("whoever asks for progress sees the result of the command before, and how far the running one is", async () => {
    mirror.hold();
    await hyper("POST", "/actions/refresh-updates");
    await mirror.asked();
    expect((await hyper("GET", "/updates/status")).status).toBe(423);
    const { status, body } = await hyper("GET", "/updates/status?progress=1");
    expect([status, JSON.parse(body)]).toMatchObject([200, { progress: { command: "refresh", step: "look" } }]);
    expect(await hyper("POST", "/actions/refresh-updates")).toMatchObject({ status: 423 });
    mirror.release();
    await whenDone(async () => await hyper("GET", "/updates/status"));
  });
});

/** What brupop finds in the standard error of a command that failed: the word behind the first "Status", or it panics. */
function statusInError(stderr: string): string | undefined {
  return stderr
    .split("Status")[1]
    ?.split(/\s+/)
    .filter((word) => word !== "")[0];
}

describe("apiclient raw, as the update operator reads it", () => {
  const raw = async (...words: string[]) => await invoke(apiclient, ["-s", host.socket, "raw", "-u", ...words]);

  test("a refusal reads as Bottlerocket's does", async () => {
    const { stderr, exitCode } = await raw("/actions/activate-update", "-m", "POST");
    expect(stderr).toStartWith(
      "apiclient: Failed POST request to '/actions/activate-update': Status 409 when POSTing /actions/activate-update: cannot activate an update",
    );
    expect([statusInError(stderr), exitCode]).toEqual(["409", 1]);
  });

  test("a host that is at work is told by its status", async () => {
    mirror.hold();
    await hyper("POST", "/actions/refresh-updates");
    expect(statusInError((await raw("/updates/status")).stderr)).toBe("423");
    expect(statusInError((await raw("/actions/refresh-updates", "-m", "POST")).stderr)).toBe("423");
    mirror.release();
    await whenDone(async () => await hyper("GET", "/updates/status"));
  });

  test("the status has no null where its parser wants text and a number", async () => {
    expect(JSON.parse((await raw("/updates/status")).stdout)).toMatchObject({
      update_state: "Idle",
      available_updates: ["0.1.0"],
      chosen_update: null,
      most_recent_command: {
        cmd_type: "refresh",
        cmd_status: "Success",
        timestamp: expect.any(String),
        exit_status: 0,
        stderr: "",
      },
    });
  });
});

describe("apiclient ephemeral-storage", () => {
  const path = "/actions/ephemeral-storage";
  const init = async (body: string) => (await hyper("POST", `${path}/init`, body)).status;
  const disks = ["/dev/disk/ephemeral/virtio-eph0", "/dev/disk/ephemeral/virtio-eph1"];
  beforeAll(async () => {
    for (const disk of disks) await host.machine.write(disk, "");
    host.units.set("ephemeral-storage.service", { state: "inactive", started: 0, reloaded: 0 });
  });

  test("init sends null for what was not named, and Rust's names of file systems", async () => {
    const asked = async (): Promise<unknown> =>
      JSON.parse(await host.machine.read("/run/orlop/ephemeral-storage.json"));
    for (const [body, filesystem] of [
      ['{"filesystem":null,"disks":null}', "xfs"],
      ['{"filesystem":"Ext4","disks":null}', "ext4"],
      ['{"filesystem":"Xfs","disks":null}', "xfs"],
      ['{"filesystem":"ext4"}', "ext4"],
    ] as const) {
      expect([body, await init(body)]).toEqual([body, 204]);
      expect(await asked()).toEqual({ kind: "init", filesystem, disks });
    }
    for (const body of ['{"filesystem":"EXT4"}', '{"filesystem":"btrfs"}', '{"disks":[null]}']) {
      expect([body, await init(body)]).toEqual([body, 400]);
    }
  });

  test("list-disks and list-dirs end in a bare question mark and get text, a path a line", async () => {
    for (const query of ["?", "", "?format=text"]) {
      const { status, headers, body } = await hyper("GET", `${path}/list-disks${query}`);
      expect([status, headers.get("content-type"), body]).toEqual([200, "application/text", `${disks.join("\n")}\n`]);
    }
    const directories = await hyper("GET", `${path}/list-dirs?`);
    expect(directories.body).toStartWith("/var/lib/containerd\n");
    const { headers, body } = await hyper("GET", `${path}/list-disks?format=json`);
    expect([headers.get("content-type"), JSON.parse(body)]).toEqual(["application/json", disks]);
    expect((await hyper("GET", `${path}/list-disks?format=yaml`)).status).toBe(400);
  });

  test("our own client prints the same, and takes --format", async () => {
    const list = async (...words: string[]) =>
      (await invoke(apiclient, ["-s", host.socket, "ephemeral-storage", "list-disks", ...words])).stdout;
    expect(await list()).toBe(`${disks.join("\n")}\n`);
    expect(await list("-f", "text")).toBe(`${disks.join("\n")}\n`);
    expect(await list("--format", "json")).toBe(`${JSON.stringify(disks)}\n`);
    expect(JSON.parse(await list("--json"))).toEqual(disks);
  });
});

describe("settings by keys", () => {
  const settings = async (keys: string) => {
    const { status, body } = await hyper("GET", `/settings?keys=${keys}`);
    return [status, status === 200 ? JSON.parse(body) : body];
  };

  test("what is not set is left out, as is what no setting is called", async () => {
    const motd = expect.any(String);
    expect(await settings("settings.motd,settings.network.https-proxy")).toEqual([200, { motd }]);
    expect(await settings("settings.network.https-proxy")).toEqual([200, {}]);
    expect(await settings("settings.nope,settings.motd")).toEqual([200, { motd }]);
  });

  test("what is no key at all is refused", async () => {
    for (const keys of ["settings.motd..x", "settings.a%20b", "settings."]) {
      expect([keys, (await settings(keys))[0]]).toEqual([keys, 400]);
    }
  });

  test("a setting that is null in what is staged is absent", async () => {
    expect((await hyper("PATCH", "/settings?tx=nulls", '{"motd":null,"kernel":{"lockdown":null}}')).status).toBe(204);
    expect((await hyper("GET", "/tx?tx=nulls")).body).toBe("{}");
  });
});

test("other names of settings go in wherever a key does, and come out as the newer one", async () => {
  const staged = async () => JSON.parse((await hyper("GET", "/tx?tx=names")).body);
  const parameters = { boot: { "kernel-parameters": { console: ["tty0"] } } };
  const body = JSON.stringify({ boot: { kernel: { console: ["tty0"] } } });
  expect((await hyper("PATCH", "/settings?tx=names", body)).status).toBe(204);
  expect(await staged()).toEqual(parameters);
  const pairs = JSON.stringify({ request_payload: ["boot.kernel.console=tty0"] });
  expect((await hyper("PATCH", "/settings/keypair?tx=names", pairs)).status).toBe(204);
  expect(await staged()).toEqual(parameters);
  expect((await hyper("POST", "/tx/commit?tx=names")).body).toBe('["settings.boot.kernel-parameters.console"]');
  for (const query of ["keys=settings.boot.kernel", "prefix=boot.kernel"]) {
    expect(JSON.parse((await hyper("GET", `/settings?${query}`)).body)).toEqual(parameters);
  }
  expect(JSON.parse((await hyper("GET", "/?prefix=settings.boot.kernel")).body)).toEqual({ settings: parameters });
  expect((await hyper("DELETE", "/settings?keys=boot.kernel&tx=names")).status).toBe(204);
  expect(await staged()).toEqual({ boot: { "kernel-parameters": { console: null } } });
});

test("a request may name the whole URL, and its host counts for nothing (RFC 9112, 3.2.2)", async () => {
  const ask = async (target: string) =>
    (await sendBytes(host.socket, `GET ${target} HTTP/1.1\r\nhost: x\r\n\r\n`)).status;
  expect(await ask("http://localhost/os")).toBe(200);
  expect(await ask("http://localhost:8080/settings?keys=settings.motd")).toBe(200);
  expect(await ask("http://localhost")).toBe(200);
  expect(await ask("http://localhost?prefix=os")).toBe(200);
  expect(await ask("http://localhost/nope")).toBe(404);
  expect(await ask("http:/os")).toBe(400);
});

test("configuration files have short names; services list them", async () => {
  const of = async (target: string) => JSON.parse((await hyper("GET", target)).body);
  const file = { path: "/etc/motd", "template-path": "", mode: "0644" };
  expect(await of("/configuration-files?names=motd")).toEqual({ motd: file });
  expect(await of("/configuration-files?prefix=mo")).toEqual({ motd: file });
  expect(await of("/?prefix=configuration-files.mo")).toEqual({ "configuration-files": { motd: file } });
  expect(await of("/services?names=motd")).toEqual({
    motd: { "configuration-files": ["motd"], "restart-commands": [] },
  });
});

describe("apiclient update apply", () => {
  const apply = async (...words: string[]) => await invoke(apiclient, ["-s", host.socket, "update", "apply", ...words]);

  test("fails when there is nothing to apply; with --check that is an outcome", async () => {
    mirror.release();
    const none = await apply();
    expect([none.exitCode, none.stdout]).toEqual([1, ""]);
    expect(none.stderr).toStartWith("apiclient: cannot apply an update: there is none");
    const checked = await apply("--check");
    expect([checked.exitCode, JSON.parse(checked.stdout)]).toMatchObject([0, { update_state: "Idle" }]);
  });
});
