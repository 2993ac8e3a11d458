/**
 * The names of the one executable in the images of host containers, as `host/names.ts` has those of a host:
 * `/usr/bin/orlop` is the file, each of these a link to it. `main.ts` says what each one runs.
 */
export const containerExecutable = "orlop";
export const containerNames = {
  admin: ["apiclient", "admin-setup", "sheltie"],
  control: ["apiclient", "control-setup", "enable-admin-container", "disable-admin-container", "enter-admin-container"],
} as const;
/** The one program of the image of a fleet's operator. */
export const fleetExecutable = "orlop-fleet";
/** The one program of the image of the updater of ECS clusters. */
export const ecsUpdaterExecutable = "orlop-ecs-updater";
export type ContainerName = (typeof containerNames)[keyof typeof containerNames][number];
