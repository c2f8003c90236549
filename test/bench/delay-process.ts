/**
 * The process of the delay: one proxy for each port of its arguments, so that what is measured shares no event loop with it.
 * Arguments: ONE_WAY_MS PORT…; answers each message of its parent with what went over the lines since the last one.
 */
import { DelayProxy } from './delay-proxy.ts';

const [oneWayMs = 0, ...targets] = process.argv.slice(2).map(Number);
const proxies = await Promise.all(targets.map((target) => DelayProxy.start(target, oneWayMs)));
const say = (message: object) => process.send?.(message);
process.on('message', () => say({ counts: proxies.map((proxy) => proxy.takeCounts()) }));
process.once('disconnect', () => void Promise.all(proxies.map((proxy) => proxy.close())));
say({ ports: proxies.map(({ port }) => port) });
