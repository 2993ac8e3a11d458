/**
 * Where the driver is on a host: the root of the container that brought it, as NVIDIA's own images of drivers have it.
 * Its libraries and programs are there, and its device nodes in `/dev` there.
 */
export const driverRoot = "/run/nvidia/driver";
