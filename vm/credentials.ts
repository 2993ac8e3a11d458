export type Credentials = { ca: string; certificate: string; key: string; subject: string };
