/** Which IP addresses are on the internet, and which only mean something here. */
import { BlockList, isIP } from 'node:net';

/** The special-purpose ranges of IANA that are not globally reachable (RFC 6890 and its registry), and multicast. */
const v4 =
  '0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/3';
const v6 = '::/128 ::1/128 64:ff9b:1::/48 100::/64 2001:db8::/32 fc00::/7 fe80::/10 ff00::/8';

function ranges(): BlockList {
  const list = new BlockList();
  for (const [kind, text] of [['ipv4', v4] as const, ['ipv6', v6] as const]) {
    for (const range of text.split(' ')) {
      const [address, prefix] = range.split('/');
      list.addSubnet(address!, Number(prefix), kind);
    }
  }
  return list;
}

let known: BlockList | undefined;

/** Whether an IP address is one of the internet's. IPv4 in IPv6 (`::ffff:10.0.0.1`) counts as IPv4. */
export function isPublicAddress(address: string): boolean {
  known ??= ranges();
  const kind = isIP(address);
  if (kind === 0) return false;
  return !known.check(address, kind === 4 ? 'ipv4' : 'ipv6');
}
