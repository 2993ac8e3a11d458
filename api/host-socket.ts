/** Where the API of a host is, on the host: for who talks to it, and for who only names it. */
export const hostSocket = "/run/api.sock";
