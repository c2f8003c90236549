/** The datagram socket of a service manager, as systemd has one; Node.js cannot listen on such a socket itself. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const listener = `
import json, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("[]", flush=True)
while True:
    print(json.dumps(s.recv(65536).decode().split("\\n")), flush=True)
`;

/** What was said on the socket, each datagram as its lines. */
export class NotifySocket {
  readonly path: string;
  readonly said: string[][] = [];
  readonly #child: ChildProcess;

  private constructor(path: string, child: ChildProcess) {
    this.path = path;
    this.#child = child;
  }

  static async listen(path: string): Promise<NotifySocket> {
    const child = spawn('python3', ['-c', listener, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    const socket = new NotifySocket(path, child);
    const lines = createInterface({ input: child.stdout });
    await once(lines, 'line');
    lines.on('line', (line) => {
      const words = (JSON.parse(line) as string[]).filter((word) => word !== '' && word !== 'BARRIER=1');
      if (words.length > 0) socket.said.push(words);
    });
    return socket;
  }

  /** How often a word was said. */
  times(word: string): number {
    return this.said.filter((words) => words.includes(word)).length;
  }

  /** Waits until something holds; fails when it does not come in time. */
  async until(condition: () => boolean, limitMs = 20_000): Promise<void> {
    const deadline = Date.now() + limitMs;
    while (!condition()) {
      if (Date.now() > deadline) throw new Error(`it was said: ${JSON.stringify(this.said)}`);
      await new Promise((resume) => setTimeout(resume, 5));
    }
  }

  async close(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}
