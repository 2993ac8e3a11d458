/** `settings.ecs` */
import { agentDuration, attributeKey, attributeValue } from "../values/ecs-names.ts";
import { mapOf, setting, table } from "../model/setting.ts";
import { line, pattern } from "../values/text.ts";
import { flag, int32, listOf, oneOf, wholeNumber } from "../model/type.ts";
import { httpsUrl } from "../values/url.ts";

const positive = wholeNumber({ least: 1, most: int32.most });

export const ecs = table("The agent of Amazon ECS.", {
  cluster: setting({ type: line, doc: "Name or ARN of the cluster. The account's default one unless set." }),
  "instance-attributes": mapOf({
    doc: "Attributes of the instance when it registers.",
    name: attributeKey,
    placeholder: "attribute",
    entry: setting({ type: attributeValue, doc: "The value.", example: "blue" }),
  }),
  "allow-privileged-containers": setting({
    type: flag,
    doc: "Whether tasks may have privileged containers.",
    default: false,
  }),
  "logging-drivers": setting({
    type: listOf(pattern("the name of a logging driver", /^[a-z0-9-]{1,64}$/)),
    doc: "Logging drivers that tasks may use.",
    default: ["json-file", "awslogs", "none"],
  }),
  loglevel: setting({
    type: oneOf("debug", "info", "warn", "error", "crit"),
    doc: "What the agent logs.",
    default: "info",
  }),
  "enable-spot-instance-draining": setting({
    type: flag,
    doc: "Whether a spot instance is drained when its end is announced.",
    default: false,
  }),
  "image-pull-behavior": setting({
    type: oneOf("default", "always", "once", "prefer-cached"),
    doc: "When an image is pulled although it is there.",
    default: "default",
  }),
  "container-stop-timeout": setting({
    type: agentDuration,
    doc: "How long a container has to stop by itself.",
    example: "30s",
  }),
  "task-cleanup-wait": setting({
    type: agentDuration,
    doc: "How long a stopped task's containers are kept.",
    example: "3h",
  }),
  "metadata-service-rps": setting({ type: positive, doc: "Requests to the task metadata service in a second." }),
  "metadata-service-burst": setting({ type: positive, doc: "Requests to the task metadata service in a burst." }),
  "reserved-memory": setting({
    type: wholeNumber({ least: 0, most: 65_535 }),
    doc: "MiB that are not for tasks.",
    example: 256,
  }),
  "image-cleanup-enabled": setting({ type: flag, doc: "Whether unused images are removed." }),
  "image-cleanup-wait": setting({ type: agentDuration, doc: "Time between two cleanups of images.", example: "30m" }),
  "image-cleanup-age": setting({ type: agentDuration, doc: "How long an image is kept at least.", example: "1h" }),
  "image-cleanup-delete-per-cycle": setting({ type: positive, doc: "Images that a cleanup removes at most." }),
  "backend-host": setting({ type: httpsUrl, doc: "The ECS service to talk to, instead of the region's." }),
  "awsvpc-block-imds": setting({
    type: flag,
    doc: "Whether tasks in awsvpc mode are kept from the instance's metadata.",
  }),
  "enable-container-metadata": setting({
    type: flag,
    doc: "Whether containers find a file with metadata about themselves.",
  }),
});
