/** The list of very many accounts: all at one source and one destination, each a login of its own. */

/** The id of an account by its place in the list; the list is in the order of the ids. */
export function scaleId(number: number): string {
  return `user${String(number).padStart(6, '0')}`;
}

/** The list as a CSV document, for servers on two ports of 127.0.0.1 that take any user with the password `secret`. */
export function scaleList(accounts: number, popPort: number, imapPort: number): string {
  const columns = (side: string) => ['host', 'port', 'security', 'user', 'password'].map((name) => `${side}_${name}`);
  const head = ['id', ...columns('pop'), ...columns('imap')].join(',');
  const lines = Array.from({ length: accounts }, (_, number) => {
    const id = scaleId(number);
    return `${id},127.0.0.1,${popPort},none,${id},secret,127.0.0.1,${imapPort},none,${id},secret`;
  });
  return `${[head, ...lines].join('\n')}\n`;
}
