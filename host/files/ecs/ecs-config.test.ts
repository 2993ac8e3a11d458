import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ecs } from "../../../settings/groups/ecs.ts";
import { factsOf, settingsOf } from "../../../test/worlds/host/settings.ts";
import { withTaskNetwork } from "../../../variants/flavours/task-network.ts";
import { dockerDaemon } from "./docker-daemon.ts";
import { ecsConfig } from "./ecs-config.ts";

const facts = factsOf("aws-ecs-1");

/** What the agent's environment is with these settings, by name. */
function environment(tree: Parameters<typeof settingsOf>[0], of = facts): Map<string, string> {
  const [file] = ecsConfig.render(settingsOf(tree, "aws-ecs-1"), of);
  const text = file !== undefined && "content" in file ? file.content : "";
  return new Map(
    text
      .trim()
      .split("\n")
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
}

test("each setting of settings.ecs is something in the agent's environment", async () => {
  const source = await readFile(join(import.meta.dir, "ecs-config.ts"), "utf8");
  const names = Object.keys(ecs.children);
  expect(names.length).toBeGreaterThan(15);
  const unused = names.filter(
    (name) => !source.includes(`["${name}"]`) && !source.includes(`ecs.${name}`) && !source.includes(`"${name}":`),
  );
  expect(unused).toEqual([]);
});

test("the agent learns what settings say, and what the image cannot do", () => {
  const variables = environment({
    ecs: {
      cluster: "boats",
      "allow-privileged-containers": true,
      "metadata-service-burst": 80,
      "image-cleanup-enabled": false,
      "instance-attributes": { colour: "blue" },
      "backend-host": "https://ecs.example.com",
    },
  });
  expect(Object.fromEntries(variables)).toMatchObject({
    ECS_CLUSTER: "boats",
    ECS_DISABLE_PRIVILEGED: "false",
    ECS_TASK_METADATA_RPS_LIMIT: "40,80",
    ECS_DISABLE_IMAGE_CLEANUP: "true",
    ECS_BACKEND_HOST: "https://ecs.example.com",
    ECS_ENABLE_TASK_ENI: "false",
    ECS_INSTANCE_ATTRIBUTES: String.raw`"{\"orlop.variant\":\"aws-ecs-1\",\"bottlerocket.variant\":\"aws-ecs-1\",\"colour\":\"blue\"}"`,
  });
  expect(environment({}).has("ECS_CLUSTER")).toBe(false);
});

test("tasks may have network interfaces of their own where the image has the plug-ins", () => {
  const variant = withTaskNetwork(facts.variant, ["vpc-eni"]);
  const variables = environment({}, { ...facts, variant });
  expect(variables.get("ECS_ENABLE_TASK_ENI")).toBe("true");
  expect(variables.get("ECS_CNI_PLUGINS_PATH")).toBe("/usr/libexec/amazon-ecs-cni-plugins");
});

test("credentials of registries reach Docker by the agent, and mirrors of docker.io by its configuration", () => {
  const registry = {
    credentials: [{ registry: "registry.example.com", username: "ship", password: "s3cret" }],
    mirrors: [
      { registry: "docker.io", endpoint: ["https://mirror.example.com"] },
      { registry: "quay.io", endpoint: ["https://mirror.example.com"] },
    ],
  };
  const auth = Buffer.from("ship:s3cret").toString("base64");
  expect(environment({ "container-registry": registry }).get("ECS_ENGINE_AUTH_DATA")).toContain(auth);
  const settings = settingsOf({ "container-registry": registry }, "aws-ecs-1");
  const [file] = dockerDaemon.render(settings, facts);
  expect(JSON.parse(file !== undefined && "content" in file ? file.content : "")).toMatchObject({
    "registry-mirrors": [expect.stringContaining("https://mirror.example.com")],
    "containerd-namespace": "moby",
    "default-ulimits": { nofile: { Name: "nofile", Soft: 1024, Hard: 4096 } },
  });
  expect(dockerDaemon.warnings?.(settings)).toEqual([
    "settings.container-registry.mirrors: Docker Engine has mirrors for docker.io alone, not for quay.io",
  ]);
});

test("with GPUs of NVIDIA, Docker knows their runtime, and the agent asks for it", () => {
  const gpus = factsOf("aws-ecs-1-nvidia");
  const settings = settingsOf({}, "aws-ecs-1-nvidia");
  const [daemon] = dockerDaemon.render(settings, gpus);
  expect(JSON.parse(daemon !== undefined && "content" in daemon ? daemon.content : "")).toMatchObject({
    runtimes: { nvidia: { path: "/usr/bin/nvidia-container-runtime" } },
  });
  const [agent] = ecsConfig.render(settings, gpus);
  expect(agent).toMatchObject({ content: expect.stringContaining("ECS_ENABLE_GPU_SUPPORT=true\n") });
  expect(environment({}).has("ECS_ENABLE_GPU_SUPPORT")).toBe(false);
});

test("hosts of other orchestrators have neither file", () => {
  const other = factsOf("dev");
  expect(dockerDaemon.render(settingsOf({}, "dev"), other)).toEqual([]);
  expect(ecsConfig.render(settingsOf({}, "dev"), other)).toEqual([]);
});
