/**
 * The environment of the agent of ECS: all of `settings.ecs`, and what does not depend on settings.
 *
 * Source: https://github.com/aws/amazon-ecs-agent, README.md, "Environment Variables".
 */
import { defined } from "../../../lib/defined.ts";
import type { Settings } from "../../../settings/model/model.ts";
import { hasTaskNetwork, taskNetworkDirectory } from "../../../variants/flavours/task-network.ts";
import type { Variant } from "../../../variants/variant.ts";
import { configFile } from "../config-file.ts";
import { environmentFile } from "../environment-file.ts";

/** Those of the agent, where only one of the two is set. */
const usualMetadataRate = { rps: 40, burst: 60 };

export const ecsConfig = configFile({
  path: "/etc/ecs/ecs.config",
  // Credentials of registries.
  mode: 0o600,
  restart: ["ecs.service"],
  render: (settings, { variant }) =>
    settings.ecs === undefined ? undefined : environmentFile(variables(settings, settings.ecs, variant)),
});

type Variables = readonly (readonly [name: string, value: string])[];

function variables(settings: Settings, ecs: NonNullable<Settings["ecs"]>, variant: Variant): Variables {
  return [
    ["ECS_DATADIR", "/var/lib/ecs/data"],
    ["ECS_HOST_DATA_DIR", "/var/lib/ecs"],
    ["ECS_ENABLE_TASK_IAM_ROLE", "true"],
    ["ECS_ENABLE_TASK_IAM_ROLE_NETWORK_HOST", "true"],
    ["ECS_ENABLE_AWSLOGS_EXECUTIONROLE_OVERRIDE", "true"],
    ["ECS_ENABLE_TASK_ENI", String(hasTaskNetwork(variant))],
    ["ECS_CNI_PLUGINS_PATH", `/${taskNetworkDirectory}`],
    ["ECS_INSTANCE_ATTRIBUTES", JSON.stringify(attributes(ecs, variant.name))],
    ["ECS_DISABLE_PRIVILEGED", String(!ecs["allow-privileged-containers"])],
    ["ECS_AVAILABLE_LOGGING_DRIVERS", JSON.stringify(ecs["logging-drivers"])],
    ["ECS_LOGLEVEL", ecs.loglevel],
    ["ECS_ENABLE_SPOT_INSTANCE_DRAINING", String(ecs["enable-spot-instance-draining"])],
    ["ECS_IMAGE_PULL_BEHAVIOR", ecs["image-pull-behavior"]],
    ...whereSet([
      ["ECS_ENABLE_GPU_SUPPORT", settings["nvidia-container-runtime"] === undefined ? undefined : true],
      ["ECS_CLUSTER", ecs.cluster],
      ["AWS_DEFAULT_REGION", settings.aws?.region],
      ["ECS_CONTAINER_STOP_TIMEOUT", ecs["container-stop-timeout"]],
      ["ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION", ecs["task-cleanup-wait"]],
      ["ECS_TASK_METADATA_RPS_LIMIT", metadataRate(ecs)],
      ["ECS_RESERVED_MEMORY", ecs["reserved-memory"]],
      ["ECS_DISABLE_IMAGE_CLEANUP", negated(ecs["image-cleanup-enabled"])],
      ["ECS_IMAGE_CLEANUP_INTERVAL", ecs["image-cleanup-wait"]],
      ["ECS_IMAGE_MINIMUM_CLEANUP_AGE", ecs["image-cleanup-age"]],
      ["ECS_NUM_IMAGES_DELETE_PER_CYCLE", ecs["image-cleanup-delete-per-cycle"]],
      ["ECS_BACKEND_HOST", ecs["backend-host"]],
      ["ECS_AWSVPC_BLOCK_IMDS", ecs["awsvpc-block-imds"]],
      ["ECS_ENABLE_CONTAINER_METADATA", ecs["enable-container-metadata"]],
    ]),
    ...registryCredentials(settings),
  ];
}

function whereSet(entries: readonly (readonly [string, string | number | boolean | undefined])[]): Variables {
  return entries.flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)] as const]));
}

const negated = (flag: boolean | undefined): boolean | undefined => (flag === undefined ? undefined : !flag);

/** By the first the fleet's updater knows its hosts, by the second that of Bottlerocket. */
function attributes(ecs: NonNullable<Settings["ecs"]>, variant: string): Record<string, string> {
  return { "orlop.variant": variant, "bottlerocket.variant": variant, ...defined(ecs["instance-attributes"]) };
}

function metadataRate({ "metadata-service-rps": rps, "metadata-service-burst": burst }: NonNullable<Settings["ecs"]>) {
  if (rps === undefined && burst === undefined) return undefined;
  return `${rps ?? usualMetadataRate.rps},${burst ?? usualMetadataRate.burst}`;
}

/** By this name the agent looks for what Docker's own registry wants. */
const dockerHub = "https://index.docker.io/v1/";

/** The agent hands them to Docker Engine with each pull, in the form of the file .dockercfg. */
function registryCredentials({ "container-registry": { credentials = [] } }: Settings): Variables {
  const byName = credentials.flatMap(({ registry, auth, username, password }) => {
    const basic =
      auth ?? (username === undefined ? undefined : Buffer.from(`${username}:${password ?? ""}`).toString("base64"));
    return basic === undefined
      ? []
      : [[registry === "docker.io" ? dockerHub : registry, { auth: basic, email: "" }] as const];
  });
  if (byName.length === 0) return [];
  return [
    ["ECS_ENGINE_AUTH_TYPE", "dockercfg"],
    ["ECS_ENGINE_AUTH_DATA", JSON.stringify(Object.fromEntries(byName))],
  ];
}
