/** User names that are made from the address of an account: `{address}*master`, `{local}`. */

const placeholder = /\{(\{?)(address|local|domain)\}(\}?)/g;

/** Whether a text is an e-mail address, as far as a user name goes. */
export function isAddress(text: string): boolean {
  return /^[^@\s]+@[^@\s]+$/.test(text);
}

/** Whether a user name has a placeholder in it that stands for a part of an address. */
export function isTemplate(text: string): boolean {
  return [...text.matchAll(placeholder)].some(([, before, , after]) => !isEscaped(before, after));
}

/**
 * The user name that a text stands for: `{address}` is the address, `{local}` what is before its last @, and `{domain}` what
 * is behind it. `{{address}}` stands for the text `{address}` itself; every other brace stands for itself.
 * Undefined where the text needs an address and there is none.
 */
export function userNameOf(text: string, address: string | undefined): string | undefined {
  if (address === undefined && isTemplate(text)) return undefined;
  const [, local = '', domain = ''] = /^(.*)@(.*)$/s.exec(address ?? '') ?? [];
  const parts: Record<string, string> = { address: address ?? '', local, domain };
  return text.replace(placeholder, (whole, before: string, name: string, after: string) =>
    isEscaped(before, after) ? `{${name}}` : whole.replace(`{${name}}`, () => parts[name]!),
  );
}

function isEscaped(before = '', after = ''): boolean {
  return before !== '' && after !== '';
}
