/** The way of batches out of the thread that spools them: the session at the other end of the port keeps the books. */
import type { NewBatch } from '../../spool/registry.ts';
import type { HeadersByOffset } from '../../spool/spooled-headers.ts';
import type { BatchReceiver } from '../hand-over.ts';
import type { FromSource } from './messages.ts';
import { packHeaders } from './parcels.ts';

/** Tells of batches, and waits for the answers. */
export class PortReceiver implements BatchReceiver {
  readonly #tell: (message: FromSource, transfer?: ArrayBuffer[]) => void;
  /** Batches that are being registered. */
  readonly #open = new Map<string, { resolve(): void; reject(error: unknown): void }>();
  #left: { error: unknown } | undefined;

  constructor(tell: (message: FromSource, transfer?: ArrayBuffer[]) => void) {
    this.#tell = tell;
  }

  written({ account, batch, kind, bytes, messages }: NewBatch, claimed: number, kept: HeadersByOffset): void {
    const headers = packHeaders(kept);
    const keys = messages.map(({ key }) => ({ key }));
    this.#tell(
      { say: 'written', batch: { account, batch, kind, bytes, messages: keys }, claimed, headers },
      headers && [headers.bytes.buffer],
    );
  }

  register({ batch }: NewBatch): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#left) return reject(this.#left.error);
      this.#open.set(batch, { resolve, reject });
      this.#tell({ say: 'register', batch });
    });
  }

  release(claimed: number): void {
    this.#tell({ say: 'release', claimed });
  }

  /** The session has registered a batch, or could not. */
  registered(batch: string, error: Error | undefined): void {
    const waiting = this.#open.get(batch);
    this.#open.delete(batch);
    if (error) waiting?.reject(error);
    else waiting?.resolve();
  }

  /** Nobody answers any more. */
  left(error: unknown): void {
    this.#left = { error };
    for (const { reject } of this.#open.values()) reject(error);
    this.#open.clear();
  }
}
