/** Where extensions lie on a host. */

/** On the data partition, by the version of the OS that each is for. */
export const storeDirectory = "/var/lib/system-extensions";
export const storedPath = (version: string, name: string): string => `${storeDirectory}/${version}/${name}.raw`;

/** The names that settings choose, as hostd has written them down. */
export const chosenPath = "/etc/system-extensions.json";

/** Those that this boot is to put into /usr; the condition of merge-extensions.service names it too. */
export const bootListPath = "/run/orlop/extensions.json";

/** Of this boot: where their file systems are, and what became of each. */
export const bootDirectory = "/run/system-extensions";
export const mountPoint = (name: string): string => `${bootDirectory}/mounts/${name}`;
