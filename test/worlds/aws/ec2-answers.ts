/** What EC2 says of images, in its XML. */

export type RegisteredImage = {
  name: string;
  description: string;
  architecture: string;
  bootMode: string;
  tpmSupport: string | undefined;
  imdsSupport: string | undefined;
  ena: boolean;
  rootDevice: string;
  /** Undefined for copies, whose snapshot moto knows. */
  snapshot: string | undefined;
  volume: { gib: number; type: string; deleteOnTermination: boolean };
  /** How often it was asked for. */
  polls: number;
};

/** From the form of RegisterImage. */
export function registeredFrom(form: URLSearchParams): RegisteredImage {
  const field = (name: string): string => form.get(name) ?? "";
  const ebs = "BlockDeviceMapping.1.Ebs";
  return {
    name: field("Name"),
    description: field("Description"),
    architecture: field("Architecture"),
    bootMode: field("BootMode"),
    tpmSupport: form.get("TpmSupport") ?? undefined,
    imdsSupport: form.get("ImdsSupport") ?? undefined,
    ena: field("EnaSupport") === "true",
    rootDevice: field("RootDeviceName"),
    snapshot: field(`${ebs}.SnapshotId`),
    volume: {
      gib: Number(field(`${ebs}.VolumeSize`)),
      type: field(`${ebs}.VolumeType`),
      deleteOnTermination: field(`${ebs}.DeleteOnTermination`) === "true",
    },
    polls: 0,
  };
}

/** @param moto its own answer, which has the right images */
export function imagesAnswer(
  moto: string,
  imageOf: (id: string) => RegisteredImage | undefined,
  pendingAnswers: number,
): Response {
  const pairs = moto.matchAll(/<snapshotId>(snap-\w+)<\/snapshotId>[^]*?<imageId>(ami-\w+)<\/imageId>/g);
  const items = [...pairs].flatMap(([, snapshot = "", id = ""]) => {
    const image = imageOf(id);
    if (image === undefined) return [];
    const state = image.polls++ < pendingAnswers ? "pending" : "available";
    return [imageItem(id, state, { ...image, snapshot: image.snapshot ?? snapshot })];
  });
  const text = `<DescribeImagesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><imagesSet>${items.join("")}</imagesSet></DescribeImagesResponse>`;
  return new Response(text, { headers: { "content-type": "text/xml" } });
}

function imageItem(id: string, state: string, image: RegisteredImage): string {
  const optional = (tag: string, value: string | undefined): string =>
    value === undefined ? "" : `<${tag}>${value}</${tag}>`;
  const { volume } = image;
  return `<item><imageId>${id}</imageId><imageState>${state}</imageState><name>${image.name}</name>
<architecture>${image.architecture}</architecture><bootMode>${image.bootMode}</bootMode>
${optional("tpmSupport", image.tpmSupport)}${optional("imdsSupport", image.imdsSupport)}
<enaSupport>${image.ena}</enaSupport><rootDeviceName>${image.rootDevice}</rootDeviceName>
<blockDeviceMapping><item><deviceName>${image.rootDevice}</deviceName><ebs><snapshotId>${image.snapshot}</snapshotId>
<volumeSize>${volume.gib}</volumeSize><volumeType>${volume.type}</volumeType>
<deleteOnTermination>${volume.deleteOnTermination}</deleteOnTermination></ebs></item></blockDeviceMapping></item>`;
}

export function xmlError(code: string, message: string): Response {
  const text = `<Response><Errors><Error><Code>${code}</Code><Message>${message}</Message></Error></Errors><RequestID>test</RequestID></Response>`;
  return new Response(text, { status: 400, headers: { "content-type": "text/xml" } });
}
