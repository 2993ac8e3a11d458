/**
 * Reads what the driver of Falco sees: which files are opened, a line each, for ever.
 *
 * Source: falcosecurity/libs, driver/ppm_ringbuffer.h, ppm_events_public.h and userspace/libscap/ringbuffer.
 */
import { dlopen, FFIType, toArrayBuffer } from "bun:ffi";
import { constants, openSync, readdirSync } from "node:fs";

/** The driver's own, unless it was loaded with another. */
const bufferBytes = 8 * 2 ** 20;
const [PROT_READ, PROT_WRITE, MAP_SHARED] = [1, 2, 1];
/** MAP_FAILED, as an address. */
const mapFailed = 2n ** 64n - 1n;
const requestOf = (number: number): number => ("s".charCodeAt(0) << 8) | number;
const requests = { enableSystemCall: requestOf(29), enableTracepoint: requestOf(31) };
const tracepoints = { systemCallEnter: 0, systemCallExit: 1 };
/** On x86-64. */
const openat = 257;
/** The exit of openat(2), whose third parameter is the name. */
const openatExit = 307;
const header = { lengthAt: 16, typeAt: 20, parametersAt: 22, bytes: 26 };
const pollMs = 50;

const { symbols: libc } = dlopen("libc.so.6", {
  mmap: {
    args: [FFIType.ptr, FFIType.u64, FFIType.i32, FFIType.i32, FFIType.i32, FFIType.i64],
    returns: FFIType.ptr,
  },
  ioctl: { args: [FFIType.i32, FFIType.u64, FFIType.u64], returns: FFIType.i32 },
});

function mapped(file: number, device: string, { bytes, protection }: { bytes: number; protection: number }): DataView {
  const at = libc.mmap(null, bytes, protection, MAP_SHARED, file, 0);
  if (at === null || BigInt(at) === mapFailed) throw new Error(`cannot map ${bytes} bytes of ${device}`);
  return new DataView(toArrayBuffer(at, 0, bytes));
}

function ask(file: number, device: string, request: number, value: number): void {
  if (libc.ioctl(file, request, value) !== 0) throw new Error(`${device} refuses request ${request} with ${value}`);
}

/** The name in an event that ends an openat. */
function openedFile(event: DataView): string {
  const lengths = Array.from({ length: 3 }, (_, at) => event.getUint16(header.bytes + 2 * at, true));
  const [first = 0, second = 0, name = 0] = lengths;
  const parameters = header.bytes + 2 * event.getUint32(header.parametersAt, true);
  const bytes = new Uint8Array(event.buffer, event.byteOffset + parameters + first + second, name);
  return Buffer.from(bytes).toString("utf8").replace(/\0.*$/s, "");
}

type Ring = { device: string; buffer: DataView; information: DataView };

/** Each processor has a device, and what happens on it is told nowhere else. */
const devices = readdirSync("/dev").filter((name) => /^scap\d+$/.test(name));
if (devices.length === 0) throw new Error("the driver has no devices in /dev");
const rings = devices.toSorted().map((name): Ring => {
  const device = `/dev/${name}`;
  const file = openSync(device, constants.O_RDWR);
  // Twice the buffer: it is mapped a second time behind its end, so that no event is cut.
  const buffer = mapped(file, device, { bytes: 2 * bufferBytes, protection: PROT_READ });
  const information = mapped(file, device, { bytes: 4096, protection: PROT_READ | PROT_WRITE });
  for (const tracepoint of Object.values(tracepoints)) ask(file, device, requests.enableTracepoint, tracepoint);
  ask(file, device, requests.enableSystemCall, openat);
  return { device, buffer, information };
});
console.log(`reading ${rings.map(({ device }) => device).join(", ")}`);

function drain({ buffer, information }: Ring): void {
  const head = information.getUint32(0, true);
  let tail = information.getUint32(4, true);
  while (tail !== head) {
    const length = buffer.getUint32(tail + header.lengthAt, true);
    const event = new DataView(buffer.buffer, buffer.byteOffset + tail, length);
    if (event.getUint16(header.typeAt, true) === openatExit) console.log(`opened ${openedFile(event)}`);
    tail = (tail + length) % bufferBytes;
  }
  information.setUint32(4, tail, true);
}

for (;;) {
  for (const ring of rings) drain(ring);
  await Bun.sleep(pollMs);
}
