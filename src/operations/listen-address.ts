/** Where the dashboard role answers: the service listens there, and its clients ask there. */
import type { Settings } from '../ground/settings.ts';

/** Where to listen: `listen`, with the port of `dashboardPort` where that is given. */
export function listenAt({ listen, dashboardPort }: Pick<Settings, 'listen' | 'dashboardPort'>): {
  host: string;
  port: number;
} {
  const colon = listen.lastIndexOf(':');
  const host = listen.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  return { host, port: dashboardPort ?? Number(listen.slice(colon + 1)) };
}
