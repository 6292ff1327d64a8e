/** Options of the config whose values nobody else may see. */
const SECRETS: ReadonlySet<string> = new Set([
  "secret_access_key",
  "session_token",
  "sse_customer_key",
  "connection_string",
  "sas_token",
  "account_key",
  "client_secret",
  "oss_key_secret",
  "gdrive_client_secret",
  "password",
  "passphrase",
  "token",
]);

/** Whether the value of this option, or of `remote.NAME.OPTION`, is a secret. */
export function isSecretOption(name: string): boolean {
  return SECRETS.has(name.slice(name.lastIndexOf(".") + 1).toLowerCase());
}

/** `user:password@`, which may hold anything but what ends the part of a URL. */
const PASSWORD = /(\w:\/\/[^\s/@:'"]*):[^\s/'"]*@/g;
/** A name alone is what logs in at web servers (`https://TOKEN@host`); elsewhere (`ssh://git@host`) it is no secret. */
const TOKEN = /\b((?:https?|webdavs?):\/\/)[^\s/@:'"]+@/gi;
/** Parts of queries that open what the URL names, as S3, Google, Azure, OSS and Hadoop sign URLs, and the usual names of tokens. */
const SIGNED =
  /([?&](?:sig|signature|x-(?:amz|goog|oss)-(?:signature|credential|security-token)|security-token|delegation|(?:access_|auth_|id_|refresh_)?token|api_?key|client_secret|secret|password|passwd|pwd)=)[^&\s'"#<>)]+/gi;
/** Parts of Azure's connection strings. */
const CONNECTION = /\b(AccountKey|SharedAccessSignature)=[^;\s'"]+/gi;
/** What logs in, in a header that somebody quotes. */
const HEADER = /\b(Bearer|Basic) [\w.~+/-]{8,}=*/g;

/**
 * Text in which URLs, connection strings and headers have `***` for what logs in: for messages that quote what somebody typed,
 * configured, or answered.
 */
export function withoutSecrets(text: string): string {
  let shown = text;
  if (text.includes("://")) shown = shown.replace(PASSWORD, "$1:***@").replace(TOKEN, "$1***@");
  if (text.includes("=")) shown = shown.replace(SIGNED, "$1***").replace(CONNECTION, "$1=***");
  return text.includes(" ") ? shown.replace(HEADER, "$1 ***") : shown;
}

/** A command line as it may be written down: neither the values of secret options nor what {@link withoutSecrets} hides. */
export function commandText(words: readonly string[]): string {
  return words
    .map((word, at) => {
      const before = words[at - 1];
      if (before !== undefined && isSecretOption(before) && !word.startsWith("-")) return "***";
      const [, name, option] = /^((?:--?[\w-]+=)?([\w.-]+)=)./s.exec(word) ?? [];
      return name !== undefined && isSecretOption(option ?? "") ? `${name}***` : withoutSecrets(word);
    })
    .join(" ");
}
