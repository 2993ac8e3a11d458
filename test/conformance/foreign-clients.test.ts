/**
 * What programs of others send to a host and expect of it, byte for byte: Bottlerocket's apiclient (its crate and its
 * command line), and the agent of its update operator.
 *
 * Sources: bottlerocket-core-kit sources/api/apiclient/src, bottlerocket-update-operator agent/src/apiclient.rs.
 */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { invoke } from "../../lib/command-line.ts";
import { apiclient } from "../../host/commands/apiclient.ts";
import { runningHost, type RunningHost } from "../running-host.ts";
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
  const init = async (body: string) => (await hyper("POST", "/actions/ephemeral-storage/init", body)).status;

  test("init sends null for what was not named, and Rust's names of file systems", async () => {
    host.units.set("ephemeral-storage.service", { state: "inactive", started: 0, reloaded: 0 });
    const asked = async (): Promise<unknown> =>
      JSON.parse(await host.machine.read("/run/orlop/ephemeral-storage.json"));
    for (const [body, filesystem] of [
      ['{"filesystem":null,"disks":null}', "xfs"],
      ['{"filesystem":"Ext4","disks":null}', "ext4"],
      ['{"filesystem":"Xfs","disks":null}', "xfs"],
      ['{"filesystem":"ext4"}', "ext4"],
    ] as const) {
      expect([body, await init(body)]).toEqual([body, 204]);
      expect(await asked()).toMatchObject({ kind: "init", filesystem });
    }
    for (const body of ['{"filesystem":"EXT4"}', '{"filesystem":"btrfs"}', '{"disks":[null]}']) {
      expect([body, await init(body)]).toEqual([body, 400]);
    }
  });
});
