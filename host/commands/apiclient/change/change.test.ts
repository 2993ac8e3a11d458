/** Every verb that changes settings, as people type it. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseJson } from "../../../../lib/text/json.ts";
import { clientOfHost } from "../../../../test/worlds/host/apiclient.ts";

const client = await clientOfHost();
const { host, directory, run, piped, ok } = client;
afterAll(async () => {
  await client[Symbol.asyncDispose]();
});

const motd = async (): Promise<unknown> => parseJson(await ok("get", "motd"));
const isMotd = (text: string): unknown => ({ settings: { motd: text } });

beforeEach(async () => {
  await run("delete", "motd", "kernel", "ntp");
});

describe("set", () => {
  test("commits, applies and says what was done", async () => {
    const text = await ok("set", "motd=ahoy");
    expect(text).toMatch(/^version \d+ changed settings\.motd\n  change \/etc\/motd\n$/);
    expect(await host.machine.read("/etc/motd")).toContain("ahoy");
  });

  test("lets the setting decide what the text is", async () => {
    await host.machine.write("/proc/sys/net/ipv4/ip_forward", "0\n");
    await ok("set", "motd=42", 'ntp.time-servers=["10.0.0.1", "10.0.0.2"]', 'kernel.sysctl."net.ipv4.ip_forward"=1');
    expect(parseJson(await ok("get", "motd", "ntp.time-servers", "kernel.sysctl"))).toEqual({
      settings: {
        motd: "42",
        ntp: { "time-servers": ["10.0.0.1", "10.0.0.2"] },
        kernel: { sysctl: { "net.ipv4.ip_forward": "1" } },
      },
    });
  });

  test("takes JSON, with or without the outer settings", async () => {
    await ok("set", "-j", '{"motd": "one"}');
    expect(await motd()).toEqual(isMotd("one"));
    await ok("set", "--json", '{"settings": {"motd": "two"}}');
    expect(await motd()).toEqual(isMotd("two"));
  });

  test("prints the result as JSON", async () => {
    expect(parseJson(await ok("set", "motd=json", "--output-json"))).toMatchObject({
      changed: ["settings.motd"],
      version: expect.any(Number),
      result: { reconcilers: expect.any(Array) },
    });
  });

  test("tells which unit failed and why, and exits 1", async () => {
    const chrony = host.units.get("chrony.service");
    if (chrony === undefined) throw new Error("this machine has no chrony.service");
    chrony.breaks = { result: "exit-code", journal: "Could not parse directive" };
    try {
      const { stdout, exitCode } = await run("set", 'ntp.time-servers=["10.9.9.9"]');
      expect(stdout).toContain("chrony.service");
      expect(stdout).toContain("failed: files: ");
      expect(stdout).toContain("  | Could not parse directive");
      expect(exitCode).toBe(1);
    } finally {
      delete chrony.breaks;
    }
  });

  test("answers for what was asked: what failed before and has nothing to do with it is a note", async () => {
    const chrony = host.units.get("chrony.service");
    if (chrony === undefined) throw new Error("this machine has no chrony.service");
    chrony.breaks = { result: "exit-code", journal: "Could not parse directive" };
    try {
      expect(await run("set", 'ntp.time-servers=["10.9.9.8"]')).toMatchObject({ exitCode: 1, stderr: "" });
      const { stdout, stderr, exitCode } = await run("set", "motd=untouched");
      expect(stdout).toMatch(/^version \d+ changed settings\.motd\n  change \/etc\/motd\n$/);
      expect(stderr).toBe(
        "apiclient: failed before this change too: files: cannot restart chrony.service: exit-code\n",
      );
      expect(exitCode).toBe(0);
      expect(await run("delete", "motd")).toMatchObject({ exitCode: 0, stderr });
      expect(await run("undo")).toMatchObject({ exitCode: 0, stderr });
      expect(await piped('settings.motd = "applied"', "apply")).toMatchObject({ exitCode: 0, stderr });
      expect(await run("try", "set", "motd=tried")).toMatchObject({ exitCode: 0, stderr });
      expect(await run("revert")).toMatchObject({ exitCode: 0, stderr });
      expect(Object(parseJson(await ok("status", "--json"))).state).toBe("degraded");
      // What it is asked to do anew fails anew.
      expect(await run("set", 'ntp.time-servers=["10.9.9.7"]')).toMatchObject({ exitCode: 1, stderr: "" });
      expect(await run("raw", "-m", "POST", "-u", "/tx/apply?wait=1")).toMatchObject({
        stdout: expect.stringContaining('"failure":{"code":"unit-failed"'),
      });
    } finally {
      delete chrony.breaks;
    }
  });

  test("warns of what the kernel lacks, once; status goes on to show it", async () => {
    const unit = { state: "inactive", started: 0, reloaded: 0, skipped: true } as const;
    host.units.set("load-module@mispelt.service", { ...unit });
    const parameter = "net.ipv4.tcp_does_not_exist";
    const warnings = [
      "kernel-modules: cannot load kernel module mispelt: the kernel has no such module",
      `sysctl: cannot set ${parameter}: the kernel has no such parameter; it is set when a module brings it`,
    ];
    const wanted = { kernel: { sysctl: { [parameter]: "1" }, modules: { mispelt: { autoload: true } } } };
    const { stderr, exitCode } = await run("set", "--json", JSON.stringify(wanted));
    expect([exitCode, stderr]).toEqual([0, warnings.map((warning) => `apiclient: warning: ${warning}\n`).join("")]);
    expect(await ok("set", "motd=untouched")).toContain("changed settings.motd");
    const text = await ok("status");
    for (const warning of warnings) expect(text).toContain(`warning: ${warning}`);
    const status = Object(parseJson(await ok("status", "--json")));
    expect(status.state).toBe("running");
    expect(status.reconcilers.flatMap((each: { warnings?: string[] }) => each.warnings ?? [])).toHaveLength(2);
    await ok("delete", "kernel.sysctl", "kernel.modules");
    expect(await ok("status")).not.toContain("warning");
    expect(await ok("plan", "set", `kernel.sysctl."${parameter}"=1`)).toContain(`warnings:\n  cannot set ${parameter}`);
  });

  test("names every wrong setting, changes nothing and leaves nothing staged", async () => {
    const { stdout, stderr, exitCode } = await run("set", "motd=good", "kernel.lockdown=x", "kernel.lokdown=none");
    expect(stdout).toBe("");
    expect(stderr).toContain("settings.kernel.lockdown must be one of none, integrity, confidentiality");
    expect(stderr).toContain("settings.kernel.lokdown is no setting; did you mean lockdown?");
    expect(exitCode).toBe(1);
    expect(await motd()).toEqual(isMotd("Welcome to Orlop!"));
    expect(parseJson(await ok("get", "/tx/list"))).toEqual([]);
  });

  test.each([
    [[], "either KEY=VALUE or --json JSON is expected"],
    [["a=1", "--json", "{}"], "either KEY=VALUE or --json JSON is expected"],
    [["motd"], 'KEY=VALUE is expected, not "motd"'],
    [["--json", "{"], "cannot read JSON: line 1, column 2"],
    [["--json", "[]"], "an object is expected"],
  ])("%j is wrong usage", async (words, message) => {
    const { stderr, exitCode } = await run("set", ...words);
    expect(stderr).toContain(message);
    expect(exitCode).toBe(2);
  });
});

test("delete returns settings to their defaults", async () => {
  await ok("set", "motd=gone soon", 'ntp.options=["minpoll", "5"]', 'ntp.time-servers=["10.0.0.3"]');
  expect(await ok("delete", "settings.motd", "ntp")).toContain(
    "changed settings.motd, settings.ntp.options, settings.ntp.time-servers",
  );
  expect(await motd()).toEqual(isMotd("Welcome to Orlop!"));
  const { stderr, exitCode } = await run("delete", "mot");
  expect(stderr).toContain("settings.mot");
  expect(exitCode).toBe(1);
});

describe("apply", () => {
  test("takes only the document whose hash is given", async () => {
    const text = '[settings]\nmotd = "as it was signed off"\n';
    const sha256 = new Bun.CryptoHasher("sha256").update(text).digest("hex");
    expect(await piped(text, "apply", "--sha256", sha256)).toMatchObject({ exitCode: 0 });
    expect(await piped(`${text}#`, "apply", "--sha256", sha256)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining(`expected ${sha256}`),
    });
    expect(await run("apply", "--sha256", sha256, "a.toml", "b.toml")).toMatchObject({ exitCode: 2 });
  });

  test("takes TOML from standard input, and JSON and TOML from files and base64; a later one wins", async () => {
    const { exitCode } = await piped('[settings]\nmotd = "piped"\n', "apply");
    expect(exitCode).toBe(0);
    expect(await motd()).toEqual(isMotd("piped"));
    const file = join(directory, "a.json");
    await writeFile(file, '{"settings": {"motd": "file", "ntp": {"options": ["iburst"]}}}');
    const base64 = Buffer.from('settings.motd = "base64"').toString("base64");
    await ok("apply", file, `base64:${base64}`, "--message", "from two places");
    expect(await motd()).toEqual(isMotd("base64"));
    expect(parseJson(await ok("history", "--limit", "1", "--json"))).toMatchObject([{ says: "from two places" }]);
  });

  test("says where a document is wrong", async () => {
    const { stderr, exitCode } = await piped('[settings.kernel]\n  lockdwon = "none"\n', "apply", "-");
    expect(stderr).toBe(
      "apiclient: cannot apply standard input:\n  line 2, column 3: settings.kernel.lockdwon is no setting; did you mean lockdown?\n",
    );
    expect(exitCode).toBe(1);
  });

  test("says where in a document is what the host refuses as a whole", async () => {
    const { stderr, exitCode } = await piped("[settings.api.remote]\nenabled = true\n", "apply");
    expect(stderr).toContain("(standard input, line 1, column 15)");
    expect(exitCode).toBe(1);
    expect(parseJson(await ok("get", "/tx/list"))).toEqual([]);
  });
});

test("plan tells what would be done and does nothing", async () => {
  const version = Object(parseJson(await ok("status", "--json"))).settings.version;
  expect(await ok("plan", "set", "motd=planned")).toBe(
    'settings:\n  settings.motd: default -> "planned"\nfiles:\n  modify /etc/motd\n',
  );
  const { stdout } = await piped('settings.ntp.options = ["minpoll", "4"]', "plan", "apply");
  expect(stdout).toContain("units:\n  restart chrony.service");
  expect(await ok("plan", "delete", "motd")).toContain("nothing would change");
  expect(parseJson(await ok("get", "/tx/list"))).toEqual([]);
  expect(Object(parseJson(await ok("status", "--json"))).settings.version).toBe(version);
});

describe("try", () => {
  test("returns by itself", async () => {
    const text = await ok("try", "set", "--for", "90s", "motd=tried");
    expect(text).toContain("is on trial: `apiclient confirm` before 2026-01-01T00:01:30.000Z keeps it");
    expect(await motd()).toEqual(isMotd("tried"));
    expect(await ok("status")).toContain("on trial");
    await host.machine.advance(91_000);
    const untilMs = performance.now() + 5_000;
    while (performance.now() < untilMs && (await ok("status")).includes("on trial")) await Bun.sleep(10);
    expect(await motd()).toEqual(isMotd("Welcome to Orlop!"));
  });

  test("stays when it is confirmed", async () => {
    await ok("try", "set", "motd=kept");
    expect(await ok("confirm")).toBe("");
    await host.machine.advance(600_000);
    expect(await motd()).toEqual(isMotd("kept"));
    const { stderr, exitCode } = await run("confirm");
    expect(stderr).toContain("cannot confirm");
    expect(exitCode).toBe(1);
  });

  test("returns at once when told to, and nothing else is changed meanwhile", async () => {
    await ok("set", "motd=before");
    await ok("try", "delete", "motd");
    const { stderr, exitCode } = await run("set", "motd=meanwhile");
    expect(stderr).toContain("trial");
    expect(exitCode).toBe(1);
    expect(await ok("revert")).toContain("changed settings.motd");
    expect(await motd()).toEqual(isMotd("before"));
  });

  test.each(["5s", "2d", "soon"])("--for %s is wrong usage", async (time) => {
    expect((await run("try", "set", "--for", time, "motd=x")).exitCode).toBe(2);
  });
});

test("a change that changes nothing says so and nothing else, whatever was applied before", async () => {
  const newest = async (): Promise<number> => Object(parseJson(await ok("status", "--json"))).settings.version;
  await ok("set", "motd=same");
  await ok("set", "motd=other");
  const second = await newest();
  await ok("undo");
  const version = await newest();
  const nothing = `nothing changed: the settings are so already (version ${version})\n`;
  const unchanged: (readonly string[])[] = [
    ["set", "motd=same"],
    ["set", "--json", '{"motd": "same"}'],
    ["delete", "ntp.options"],
    ["try", "set", "motd=same"],
    ["try", "delete", "ntp.options"],
    ["restore", "--to", String(version)],
    ["undo", String(second)],
  ];
  for (const words of unchanged) expect([words, await ok(...words)]).toEqual([words, nothing]);
  const document = 'settings.motd = "same"';
  for (const words of [["apply"], ["try", "apply"]]) {
    expect(await piped(document, ...words)).toEqual({ stdout: nothing, stderr: "", exitCode: 0 });
  }
  const { stdout } = await run("set", "motd=same", "--output-json");
  expect(parseJson(stdout)).toEqual({ changed: [], version });
});

test("history, undo and restore go back", async () => {
  await ok("set", "motd=first", "--message", "the first");
  const { version } = Object(Object(parseJson(await ok("history", "-n", "1", "--json")))[0]);
  await ok("set", "motd=second");
  expect(await ok("history", "--limit", "2")).toMatch(
    /uid \d+ .*\n  set settings\.motd\n    settings\.motd: "first" -> "second"\n(.|\n)*the first/,
  );
  await ok("undo");
  expect(await motd()).toEqual(isMotd("first"));
  await ok("set", "motd=third");
  await ok("restore", "--to", String(version));
  expect(await motd()).toEqual(isMotd("first"));
  expect(await ok("restore", "--last-good-boot")).toContain("changed settings.motd");
  expect((await run("undo", "999999")).exitCode).toBe(1);
  expect((await run("restore")).exitCode).toBe(2);
  expect((await run("restore", "--to", "1", "--last-good-boot")).exitCode).toBe(2);
  expect((await run("restore", "--time", "yesterday")).stderr).toContain("a time such as 2026-01-31T18:30");
});
