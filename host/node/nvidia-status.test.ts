import { expect, test } from "bun:test";
import { factsOf } from "../../test/worlds/host/settings.ts";
import { testSystem } from "../../test/worlds/host/system.ts";
import { nvidiaStatus } from "./nvidia-status.ts";

const node = factsOf("metal-k8s-1.35-nvidia");
const library = "/run/nvidia/driver/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1";

async function statusWith(files: Readonly<Record<string, string>>, facts = node) {
  await using host = await testSystem();
  for (const [path, content] of Object.entries(files)) await host.write(path, content);
  return await nvidiaStatus(host.system, facts);
}

test("a host waits for the driver's module, then for its libraries, and says for which", async () => {
  expect(await statusWith({})).toEqual({
    ready: false,
    reasons: ["waits for a driver: the kernel module nvidia is not loaded"],
  });
  expect(await statusWith({ "/sys/module/nvidia/version": "580.65.06\n" })).toEqual({
    driver: "580.65.06",
    ready: false,
    reasons: ["waits for the rest of the driver: there is no libnvidia-ml.so.1 below /run/nvidia/driver"],
  });
});

test("it is ready once both are there, and hosts of other variants say nothing", async () => {
  const files = { "/sys/module/nvidia/version": "580.65.06\n", [library]: "" };
  expect(await statusWith(files)).toEqual({ driver: "580.65.06", ready: true, reasons: [] });
  expect(await statusWith(files, factsOf("aws-ecs-1-nvidia"))).toMatchObject({ ready: true });
  expect(await statusWith(files, factsOf("metal-k8s-1.35"))).toBeUndefined();
});
