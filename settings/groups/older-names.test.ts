/** Names and words that Bottlerocket takes beside those it documents; what people wrote for it must go on to work. */
import { expect, test } from "bun:test";
import type { Json } from "../../lib/text/json.ts";
import { modelNamed } from "../../test/worlds/host/models.ts";

const model = modelNamed("vmware-k8s-1.35");

const credentials = [{ registry: "registry.example.com", username: "puller", password: "x" }];

test.each<[Json, Json]>([
  [{ boot: { kernel: { console: ["tty0"] } } }, { boot: { "kernel-parameters": { console: ["tty0"] } } }],
  [
    { boot: { init: { "systemd.log_level": ["debug"] } } },
    { boot: { "init-parameters": { "systemd.log_level": ["debug"] } } },
  ],
  [{ "container-registry": { creds: credentials } }, { "container-registry": { credentials } }],
  [{ kubernetes: { "memory-manager-policy": "static" } }, { kubernetes: { "memory-manager-policy": "Static" } }],
  [{ kubernetes: { "memory-manager-policy": "none" } }, { kubernetes: { "memory-manager-policy": "None" } }],
  [{ kubernetes: { "cpu-manager-policy": "Static" } }, { kubernetes: { "cpu-manager-policy": "static" } }],
  [{ kubernetes: { "cpu-manager-policy": "None" } }, { kubernetes: { "cpu-manager-policy": "none" } }],
])("%j is read as %j", (written, meant) => {
  expect(model.parse(written)).toMatchObject({ ok: true, value: meant });
});

test("both names of a setting at once are a mistake", () => {
  const boot = { kernel: { quiet: [] }, "kernel-parameters": { quiet: [] } };
  for (const order of [boot, Object.fromEntries(Object.entries(boot).toReversed())]) {
    expect(model.parse({ boot: order })).toMatchObject({
      ok: false,
      problems: [{ message: expect.stringContaining("is another name of settings.boot.kernel-parameters") }],
    });
  }
});

test("keys are canonical whichever name they have", () => {
  expect(model.canonicalKey("settings.boot.kernel.console")).toBe("settings.boot.kernel-parameters.console");
  expect(model.canonicalKey("settings.container-registry.creds")).toBe("settings.container-registry.credentials");
  expect(model.canonicalKey("settings.motd")).toBe("settings.motd");
  expect(model.canonicalKey("settings.nope.kernel")).toBe("settings.nope.kernel");
  expect(model.canonicalKey("settings.boot.")).toBe("settings.boot.");
  expect(model.typed("settings.boot.kernel.console", "tty0")).toMatchObject({ ok: true, value: ["tty0"] });
  expect(model.secrecy("settings.container-registry.creds")).toBe("secret");
});

test("0 stands for no limit where containerd takes it so", () => {
  const runtime = { "max-concurrent-downloads": 0, "max-container-log-line-size": 0 };
  expect(model.parse({ "container-runtime": runtime })).toMatchObject({
    ok: true,
    value: { "container-runtime": runtime },
  });
  expect(model.parse({ "container-runtime": { "max-concurrent-downloads": -1 } }).ok).toBe(false);
});
