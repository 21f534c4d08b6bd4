/**
 * Patterns of texts that look like secrets. Every repetition is bounded and followed by a single lookahead, so that time
 * is linear in the text. A group named `secret` is the part to replace; without one, the whole match is replaced.
 */

const NAME =
  '(?:pass(?:word|wd|phrase|code)|pwd|(?<![a-z])pass(?![a-z])|secret|token|-signature|' +
  '(?:api|access|private|encryption|signing|account|shared)[_-]?key)'

/** Bare, in quotes, or in escaped quotes. The closing quote may be missing. */
const VALUE = [
  String.raw`[bru]{0,2}"(?<double>(?:[^"\\\n]|\\[^\n]){1,4096})`,
  String.raw`[bru]{0,2}'(?<single>(?:[^'\\\n]|\\[^\n]){1,4096})`,
  String.raw`(?<quote>\\{1,8}["'])(?<escaped>(?:(?!\k<quote>)[^\n]){1,4096})`,
  String.raw`(?<bare>[^\s"'<>]{1,4096})`,
].join('|')

const LOOKS_ENCODED = '(?=[A-Za-z+/]{0,64}[0-9=._~-]|[A-Za-z+/]{0,64}[a-z][A-Z])'

export const SECRET_SHAPES: readonly RegExp[] = [
  // scheme://user:password@host, scheme://token@host; slashes may be escaped. Not when the password is already replaced.
  /:\\?\/\\?\/(?![^\s/?#@:"'<>\\]{0,64}:\[secret\]@)(?<secret>[^\s/?#"'<>\\]{1,256})@/dgi,
  // The same with an unencoded slash in the password, but not a host with a port.
  /:\\?\/\\?\/[^\s/?#@:"'<>\\]{0,64}:(?!\d{1,5}[/?#])(?<secret>[^\s"'<>]{1,256})@/dgi,
  // The same, encoded as a whole.
  /%3a%2f%2f(?<secret>[^\s&"'<>]{1,256}?)%40/dgi,
  // user:password@host without a scheme.
  /(?<=[\w.%+-])(?<!mailto):(?<secret>[^\s:@/"'<>]{1,256})@(?=[\w[])/dgi,
  // password=…, "token": "…", MY_API_KEY='…', in query strings, libpq's own form, YAML, JSON and what programs print.
  new RegExp(
    String.raw`${NAME}[\w-]{0,32}[\\"']{0,8}[ \t]{0,3}(?:=>|==?|:(?!\\?/\\?/)|%3d)[ \t]{0,3}(?:${VALUE})`,
    'dgi',
  ),
  // These words also occur before a colon in sentences: match them only in quotes or with an equals sign.
  new RegExp(
    String.raw`(?:signature|credentials?)[\w-]{0,32}(?:[\\"']{0,8}[ \t]{0,3}(?:=>|==?|%3d)|[\\"']{1,8}[ \t]{0,3}:)[ \t]{0,3}(?:${VALUE})`,
    'dgi',
  ),
  // --password …
  new RegExp(String.raw`(?<![\w-])--[a-z-]{0,24}${NAME}[ \t]{1,3}(?:${VALUE})`, 'dgi'),
  // Authorization and cookie headers, to the end of the line or of the quotes.
  /(?:authorization|(?<![a-z])cookie)[\\"']{0,8}[ \t]{0,3}(?:=>|=|:)[ \t]{0,3}(?:[bru]{1,2}(?=["']))?[\\"']{0,8}(?<secret>[^\n"'\\]{1,4096})/dgi,
  new RegExp(
    String.raw`\b(?:[Bb]asic|[Bb]earer|BASIC|BEARER)[ \t]{1,3}${LOOKS_ENCODED}(?<secret>[A-Za-z0-9+/=_.~-]{6,4096})`,
    'dg',
  ),
  // Tokens with a known prefix: of Slack, forges, platforms and clouds, and JSON Web Tokens.
  /\bxox[a-z](?:\.xox[a-z])?-[\w-]{4,4096}/dgi,
  /\bxapp-[\w-]{4,4096}/dgi,
  /\bA(?:TBB|TATT|TCTT)[\w=-]{8,4096}/dg,
  /\bHRKU-[\w-]{8,512}/dg,
  /\b(?:gh[opsur]_|github_pat_|glpat-)\w{8,512}/dg,
  /\bA(?:KIA|SIA)[0-9A-Z]{16}/dg,
  /(?<![\w-])eyJ[\w-]{8,4096}\.[\w-]{4,4096}(?:\.[\w-]{0,4096})?/dg,
  // Webhook URLs, which alone grant the permission to post.
  /hooks\.slack\.com(?<secret>(?:\\?\/|%2f)[^\s"'<>]{1,512})/dgi,
  /-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----(?:(?!-----)[\s\S]){0,16384}/dg,
]
