/**
 * The descriptor of an OVF package: what machine the disk belongs to, and what a person is asked when it is deployed.
 *
 * Source: DMTF DSP0243 1.1 (OVF) and DSP8023 (its schema). VMware's own parts are as its OVF tool writes them.
 */

export type OvfInputs = {
  /** Of the machine, and in the file names: "orlop-vmware-k8s-1.35-x86_64-0.1.0-dafe3b16". */
  name: string;
  variant: string;
  version: string;
  disk: { file: string; bytes: number };
  diskGib: number;
  cpus: number;
  memoryMib: number;
};

/** vSphere 6.7 Update 2 is the first that runs it. */
const hardwareVersion = "vmx-15";

const namespaces = {
  xmlns: "http://schemas.dmtf.org/ovf/envelope/1",
  "xmlns:ovf": "http://schemas.dmtf.org/ovf/envelope/1",
  "xmlns:rasd": "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData",
  "xmlns:vssd": "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData",
  "xmlns:vmw": "http://www.vmware.com/schema/ovf",
} as const;

const streamOptimized = "http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized";

/** What of the host's user data is asked for; the host reads these names (`host/user-data/`). */
const properties = [
  {
    key: "guestinfo.userdata",
    value: "",
    qualifiers: "MaxLen(65535)",
    label: "User data",
    description: "Settings of the host, as TOML, encoded as the next property says",
  },
  {
    key: "guestinfo.userdata.encoding",
    value: "base64",
    qualifiers: 'ValueMap{"base64","gzip+base64","Raw"}',
    label: "Encoding of the user data",
    description: "base64, gzip+base64 or Raw",
  },
] as const;

type Attributes = Readonly<Record<string, string | number>>;
type Element = { tag: string; attributes: Attributes; content: readonly (Element | string)[] };

function element(tag: string, attributes: Attributes, ...content: readonly (Element | string)[]): Element {
  return { tag, attributes, content };
}

export function ovfDescriptor(inputs: OvfInputs): string {
  const { name, disk, diskGib } = inputs;
  const envelope: Element = element(
    "Envelope",
    namespaces,
    element("References", {}, element("File", { "ovf:href": disk.file, "ovf:id": "file1", "ovf:size": disk.bytes })),
    element(
      "DiskSection",
      {},
      info("The disk"),
      element("Disk", {
        "ovf:capacity": diskGib,
        "ovf:capacityAllocationUnits": "byte * 2^30",
        "ovf:diskId": "disk1",
        "ovf:fileRef": "file1",
        "ovf:format": streamOptimized,
      }),
    ),
    element(
      "NetworkSection",
      {},
      info("The network of the first card"),
      element("Network", { "ovf:name": "VM Network" }, element("Description", {}, "The network of the first card")),
    ),
    element(
      "VirtualSystem",
      { "ovf:id": name },
      info("A container host"),
      element("Name", {}, name),
      // 101 is "Linux 64-Bit" in CIM_OperatingSystem.
      element(
        "OperatingSystemSection",
        { "ovf:id": 101, "vmw:osType": "other4xLinux64Guest" },
        info("The guest"),
        element("Description", {}, "Orlop"),
      ),
      hardwareSection(inputs),
      productSection(inputs),
    ),
  );
  return `<?xml version="1.0" encoding="UTF-8"?>\n${render(envelope, "")}\n`;
}

/** Both transports of vSphere: a CD-ROM, and the variable `guestinfo.ovfEnv`. */
function hardwareSection({ name, cpus, memoryMib }: OvfInputs): Element {
  return element(
    "VirtualHardwareSection",
    { "ovf:transport": "iso com.vmware.guestInfo" },
    info("Hardware"),
    element(
      "System",
      {},
      element("vssd:ElementName", {}, "Virtual Hardware Family"),
      element("vssd:InstanceID", {}, "0"),
      element("vssd:VirtualSystemIdentifier", {}, name),
      element("vssd:VirtualSystemType", {}, hardwareVersion),
    ),
    item({
      AllocationUnits: "hertz * 10^6",
      ElementName: `${cpus} virtual CPUs`,
      InstanceID: 1,
      ResourceType: 3,
      VirtualQuantity: cpus,
    }),
    item({
      AllocationUnits: "byte * 2^20",
      ElementName: `${memoryMib} MB of memory`,
      InstanceID: 2,
      ResourceType: 4,
      VirtualQuantity: memoryMib,
    }),
    item({
      Address: 0,
      ElementName: "SCSI controller",
      InstanceID: 3,
      ResourceSubType: "VirtualSCSI",
      ResourceType: 6,
    }),
    item({
      AddressOnParent: 0,
      ElementName: "Disk",
      HostResource: "ovf:/disk/disk1",
      InstanceID: 4,
      Parent: 3,
      ResourceType: 17,
    }),
    item({ Address: 0, ElementName: "IDE controller", InstanceID: 5, ResourceType: 5 }),
    item(
      {
        AddressOnParent: 0,
        AutomaticAllocation: "true",
        ElementName: "CD-ROM",
        InstanceID: 6,
        Parent: 5,
        ResourceSubType: "vmware.cdrom.remotepassthrough",
        ResourceType: 15,
      },
      { "ovf:required": "false" },
    ),
    item({
      AddressOnParent: 7,
      AutomaticAllocation: "true",
      Connection: "VM Network",
      ElementName: "Network card",
      InstanceID: 7,
      ResourceSubType: "VmxNet3",
      ResourceType: 10,
    }),
    element("vmw:Config", { "ovf:required": "false", "vmw:key": "firmware", "vmw:value": "efi" }),
    element("vmw:Config", { "ovf:required": "false", "vmw:key": "tools.syncTimeWithHost", "vmw:value": "false" }),
  );
}

function productSection({ variant, version }: OvfInputs): Element {
  return element(
    "ProductSection",
    {},
    info("What is asked when it is deployed"),
    element("Product", {}, `Orlop (${variant})`),
    element("Version", {}, version),
    ...properties.map(({ key, value, qualifiers, label, description }): Element =>
      element(
        "Property",
        {
          "ovf:key": key,
          "ovf:type": "string",
          "ovf:qualifiers": qualifiers,
          "ovf:userConfigurable": "true",
          "ovf:value": value,
        },
        element("Label", {}, label),
        element("Description", {}, description),
      ),
    ),
  );
}

const info = (text: string): Element => element("Info", {}, text);

/** The schema wants the parts of an item in the order of their names. */
function item(parts: Readonly<Record<string, string | number>>, attributes: Attributes = {}): Element {
  const ordered = Object.entries(parts).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return element(
    "Item",
    attributes,
    ...ordered.map(([tag, value]): Element => element(`rasd:${tag}`, {}, String(value))),
  );
}

function render({ tag, attributes, content }: Element, indent: string): string {
  const words = Object.entries(attributes).map(([name, value]) => ` ${name}="${escaped(String(value))}"`);
  const open = `${indent}<${tag}${words.join("")}`;
  if (content.length === 0) return `${open}/>`;
  const [only] = content;
  if (typeof only === "string") return `${open}>${escaped(only)}</${tag}>`;
  const inner = content.map((element) =>
    typeof element === "string" ? escaped(element) : render(element, `${indent}  `),
  );
  return [`${open}>`, ...inner, `${indent}</${tag}>`].join("\n");
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
