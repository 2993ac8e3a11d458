/**
 * What programs that talk to AWS find out from `settings.aws`, on hosts where the instance's metadata does not say it.
 *
 * Their usual place is ~/.aws, and there is no home here: the environment of who starts them names the files.
 * Source: AWS SDKs and Tools Reference Guide, "Environment variables support".
 */
import { configFile } from "./config-file.ts";
import { environmentFile } from "./environment-file.ts";

const configPath = "/etc/aws/config";
const credentialsPath = "/etc/aws/credentials";
const restart = ["kubelet.service", "ecs.service"] as const;

const decoded = (text: string | undefined): string | undefined =>
  text === undefined ? undefined : Buffer.from(text, "base64").toString("utf8");

export const awsConfig = configFile({
  path: configPath,
  mode: 0o600,
  restart,
  render: ({ aws }) => decoded(aws?.config),
});

export const awsCredentials = configFile({
  path: credentialsPath,
  mode: 0o600,
  restart,
  render: ({ aws }) => decoded(aws?.credentials),
});

/**
 * The files are named also when no setting brings them: a container of the host may put credentials there that it renews.
 * A profile that no file has is an error of the SDK, so the usual one is not named.
 */
export const awsEnvironment = configFile({
  path: "/etc/aws/environment",
  restart,
  render({ aws }) {
    if (aws === undefined) return undefined;
    const { region, profile } = aws;
    return environmentFile([
      ...(region === undefined ? [] : ([["AWS_REGION", region]] as const)),
      ...(profile === "default" ? [] : ([["AWS_PROFILE", profile]] as const)),
      ["AWS_CONFIG_FILE", configPath],
      ["AWS_SHARED_CREDENTIALS_FILE", credentialsPath],
    ]);
  },
});
