/** Every verb of `apiclient` but those that change settings, as people type it. */
import { afterAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { invoke } from "../../lib/command/command-line.ts";
import { parseJson } from "../../lib/text/json.ts";
import { clientOfHost } from "../../test/worlds/host/apiclient.ts";
import { apiclient } from "./apiclient.ts";

const client = await clientOfHost();
const { host, directory, run, ok } = client;
afterAll(async () => {
  await client[Symbol.asyncDispose]();
});

describe("get", () => {
  test("prints settings with defaults and the OS when nothing is named", async () => {
    const all = parseJson(await ok("get"));
    expect(all).toMatchObject({ os: { variant_id: "dev" }, settings: { motd: "Welcome to Orlop!" } });
    expect(Object.keys(Object(all))).toEqual(["settings", "os"]);
  });

  test("merges prefixes, with or without settings in front", async () => {
    expect(parseJson(await ok("get", "motd", "settings.network.hostname", "os.arch"))).toEqual({
      settings: { motd: "Welcome to Orlop!", network: { hostname: "test-host" } },
      os: { arch: expect.any(String) },
    });
  });

  test("leaves out what is excluded", async () => {
    const all = Object(
      parseJson(await ok("get", "settings", "--exclude", "settings.network.hostname", "--exclude", "motd")),
    );
    expect(all.settings.motd).toBeUndefined();
    expect(all.settings.network.hostname).toBeUndefined();
    expect(all.settings.network.hosts ?? all.settings.ntp).toBeDefined();
  });

  test("takes a path, and says on stderr when there is nothing", async () => {
    expect(parseJson(await ok("get", "/tx/list"))).toEqual([]);
    expect(await run("get", "settings.nope")).toEqual({
      stdout: "{}\n",
      stderr: "apiclient: there is nothing under settings.nope\n",
      exitCode: 0,
    });
  });
});

describe("raw", () => {
  test("sends what it is told, in all of Bottlerocket's spellings", async () => {
    await ok("raw", "-m", "PATCH", "-u", "/settings?tx=mine", "-d", '{"motd": "raw"}');
    expect(parseJson(await ok("-u", "/tx?tx=mine"))).toEqual({ motd: "raw" });
    expect(parseJson(await ok("raw", "-X", "DELETE", "--uri", "/tx?tx=mine"))).toEqual(["settings.motd"]);
    const verbose = await invoke(apiclient, [
      "-v",
      "--log-level",
      "info",
      "--socket-path",
      host.socket,
      "-u",
      "/tx/list",
    ]);
    expect(verbose).toEqual({ stdout: "[]\n", stderr: "GET /tx/list: status 200\n", exitCode: 0 });
  });

  test("fails with what the host says", async () => {
    const { stderr, exitCode } = await run("-u", "/nope");
    expect(stderr).toContain("Failed GET request to '/nope': Status 404 when GETing /nope: cannot GET /nope");
    expect(exitCode).toBe(1);
  });
});

test("status tells what the host is", async () => {
  const text = await ok("status");
  expect(text).toMatch(/^host {9}\S+, up \d/);
  expect(text).toContain("variant dev");
  expect(parseJson(await ok("status", "--json"))).toMatchObject({
    state: "running",
    os: { build_id: "dafe3b16" },
  });
});

test("without an update repository every update command says which setting is missing, or what is to be done first", async () => {
  const missing = "settings.updates.metadata-base-url is not set";
  const expected: [string[], string][] = [
    [["apply"], "run `apiclient update check`"],
    [["check"], missing],
    [["apply", "--check", "--reboot"], missing],
    [["explain"], missing],
    [["cancel"], "the update state is idle"],
    [["release", "1.0.0"], "it is not held back on this host"],
  ];
  for (const [words, message] of expected) {
    const { stdout, stderr, exitCode } = await run("update", ...words);
    expect([words, stdout, stderr, exitCode]).toEqual([words, "", expect.stringContaining(message), 1]);
  }
});

test("a host that is not there is named", async () => {
  const { stderr, exitCode } = await invoke(apiclient, ["-s", join(directory, "no.sock"), "status"]);
  expect(stderr).toContain(`cannot talk to the host at ${join(directory, "no.sock")}`);
  expect(exitCode).toBe(1);
});

test.skipIf(existsSync("/run/api.sock"))("a machine that is no host says how to name one", async () => {
  const { stderr, exitCode } = await invoke(apiclient, ["status"]);
  expect(stderr).toContain("cannot talk to the host at /run/api.sock");
  expect(stderr).toContain("hint: this machine is no host");
  expect(exitCode).toBe(1);
});

test("completion offers keys of settings, in the form in which they are typed", async () => {
  const offered = async (...words: string[]): Promise<string[]> =>
    (await invoke(apiclient, ["__complete", ...words])).stdout.split("\n").map((line) => line.split("\t", 1)[0] ?? "");
  expect(await offered("set", "settings.mot")).toContain("settings.motd=");
  expect(await offered("set", "mot")).toContain("motd=");
  expect(await offered("get", "settings.kernel.l")).toContain("settings.kernel.lockdown");
  expect(await offered("delete", "kernel.sysc")).toContain("kernel.sysctl.");
});

describe("wait", () => {
  test("ends at once when everything is there", async () => {
    expect(await ok("wait", "configured")).toBe("configured: holds\n");
    expect(await ok("update", "wait")).toBe("version 0.1.0 runs, and has nothing more to prove\n");
    expect(await ok("update", "wait", "0.1.0")).toContain("0.1.0 runs");
  });

  test("its exit code tells what never comes, what took too long and what was called wrongly", async () => {
    const absent = ["-s", join(directory, "no.sock"), "wait", "configured", "--timeout", "0s"];
    const outcomes: [string[], number, string][] = [
      [["wait", "node"], 3, "not there: node: settings name no cluster, so the host is no node"],
      [["wait", "configured", "container/none"], 3, "container/none: settings enable no such host container"],
      [["update", "wait", "9.9.9"], 3, "version 9.9.9 does not run here, and is not going to: 0.1.0 runs"],
    ];
    for (const [words, code, message] of outcomes) {
      const { stdout, exitCode } = await run(...words);
      expect({ words, stdout, exitCode }).toEqual({ words, stdout: expect.stringContaining(message), exitCode: code });
    }
    expect(await invoke(apiclient, absent)).toMatchObject({
      stdout: expect.stringContaining("cannot talk to the host at"),
      exitCode: 4,
    });
    expect(await run("wait")).toMatchObject({ exitCode: 2 });
    expect(await run("wait", "ready")).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("container/NAME"),
    });
    expect(await run("update", "apply", "--wait")).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("--wait needs --reboot"),
    });
  });
});
