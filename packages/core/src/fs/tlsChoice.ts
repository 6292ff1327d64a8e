/** Whether and against what certificates are checked, and with which the client shows itself. */
export interface TlsChoice {
  readonly rejectUnauthorized?: boolean;
  readonly ca?: Buffer;
  /** The client's own certificate and its key, PEM. */
  readonly cert?: Buffer;
  readonly key?: Buffer;
}
