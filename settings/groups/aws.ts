/** `settings.aws`, `settings.autoscaling` and `settings.cloudformation` */
import { setting, table } from "../model/setting.ts";
import { base64, line, pattern } from "../values/text.ts";
import { flag } from "../model/type.ts";

export const aws = table("Amazon Web Services.", {
  region: setting({
    type: pattern("a region such as us-west-2", /^[a-z0-9-]{1,64}$/),
    doc: "The region. The instance's own unless set.",
    example: "us-west-2",
  }),
  profile: setting({ type: line, doc: "The profile of config and credentials to use.", default: "default" }),
  config: setting({ type: base64, doc: "Content of ~/.aws/config, in base64." }),
  credentials: setting({ type: base64, doc: "Content of ~/.aws/credentials, in base64." }),
});

export const autoscaling = table("EC2 Auto Scaling.", {
  "should-wait": setting({
    type: flag,
    doc: "Whether the orchestrator starts only when the instance is in service, for warm pools.",
    default: false,
    inert: "a host does not ask EC2 Auto Scaling",
  }),
});

const noSignals = "a host sends no signal to CloudFormation";

export const cloudformation = table("AWS CloudFormation.", {
  "should-signal": setting({
    type: flag,
    doc: "Whether the end of the first boot is signalled. Needs stack-name and logical-resource-id.",
    default: false,
    inert: noSignals,
  }),
  "stack-name": setting({ type: line, doc: "The stack.", inert: noSignals }),
  "logical-resource-id": setting({
    type: line,
    doc: "The resource of the stack that waits for signals.",
    inert: noSignals,
  }),
});
