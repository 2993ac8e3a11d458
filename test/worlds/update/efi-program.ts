/** A 64-bit EFI program of one section that does nothing, laid out like the stubs of systemd's boot addons. */

/** @param headersBytes how much room there is for headers */
export function emptyAddon(headersBytes = 0x400): Buffer {
  const image = Buffer.alloc(0x600);
  image.write("MZ");
  image.writeUInt32LE(0x40, 0x3c);
  image.write("PE\0\0", 0x40, "latin1");
  image.writeUInt16LE(0x8664, 0x44);
  image.writeUInt16LE(1, 0x46);
  image.writeUInt16LE(0xf0, 0x54);
  const optionalAt = 0x58;
  image.writeUInt16LE(0x20b, optionalAt);
  image.writeUInt32LE(0x1000, optionalAt + 32);
  image.writeUInt32LE(0x200, optionalAt + 36);
  image.writeUInt32LE(0x2000, optionalAt + 56);
  image.writeUInt32LE(headersBytes, optionalAt + 60);
  const tableAt = optionalAt + 0xf0;
  image.write(".text", tableAt, "latin1");
  image.writeUInt32LE(0xb, tableAt + 8);
  image.writeUInt32LE(0x1000, tableAt + 12);
  image.writeUInt32LE(0x200, tableAt + 16);
  image.writeUInt32LE(0x400, tableAt + 20);
  return image;
}
