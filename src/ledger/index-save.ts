/** Saving changes of a mailbox index: of each shard only what is new goes over the line. */
import type { RedisClient } from '../ground/redis.ts';
import { Script } from '../ground/redis-script.ts';
import type { IndexMeta } from './index-meta.ts';
import type { ShardChange } from './index-shard.ts';

/** A change of one shard that Redis is to have. */
export interface ShardEdit {
  readonly shard: number;
  /** How many bytes Redis has of it. */
  readonly before: number;
  readonly change: ShardChange;
}

/** Who saves what: the keys of the lease and of the hash of the index, behind which those of its shards are named. */
export interface IndexScope {
  readonly lease: string;
  readonly token: string;
  readonly index: string;
}

/** Shard, bytes before and after, where its new bytes begin, and how many they are. Those follow. */
const headFormat = '>I4I4I4I4I4';
const headBytes = 20;
/** Stands for the bytes before of a shard that is written whole. */
const whole = 0xffffffff;

// Written in place, since a string of Lua costs Redis more than all the rest; what grew gets spare room by that, as much as it
// is long, which its copy by BITOP has not. All are looked at before any is written: a shard that is neither as long as it was
// nor as it is to be, as when ioredis sends the script again, is not to be patched.
const saveScript = new Script(
  `
  if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
  local edits, at, writes = ARGV[12], 1, {}
  local function note(...) writes[#writes + 1] = {...} end
  while at <= #edits do
    local shard, before, after, from, size = struct.unpack('${headFormat}', edits, at)
    local part = string.sub(edits, at + ${headBytes}, at + ${headBytes - 1} + size)
    local key = KEYS[2] .. ':' .. ARGV[9] .. ':' .. shard
    at = at + ${headBytes} + size
    local has = redis.call('STRLEN', key)
    if before == ${whole} then note('SET', key, part)
    elseif has ~= before and has ~= after then return -1
    elseif after < before then note('SET', key, string.sub(redis.call('GET', key), 1, from) .. part)
    else
      note('SETRANGE', key, from, part)
      if after > before then note('BITOP', 'OR', key, key) end
    end
  end
  redis.call('HSET', KEYS[2], unpack(ARGV, 2, 11))
  for _, write in ipairs(writes) do redis.call(unpack(write)) end
  return 1
`,
  true,
);

/** Saves what is known of an index and changes of its shards, all or nothing. Returns false when the lease is another's. */
export async function saveIndex(
  redis: RedisClient,
  scope: IndexScope,
  meta: IndexMeta,
  edits: readonly ShardEdit[],
): Promise<boolean> {
  const { uidValidity, uidNext, shards, generation, records } = meta;
  const fields = ['uidValidity', uidValidity, 'uidNext', uidNext, 'shards', shards, 'generation', generation];
  const save = async (packed: Buffer) =>
    saveScript.run(redis, [scope.lease, scope.index], [scope.token, ...fields, 'records', records, packed]);
  const saved = await save(packEdits(edits));
  // Somebody has been at the shards: as they are in memory, they are right.
  const all = ({ shard, change: { bytes } }: ShardEdit) => {
    return { shard, before: whole, change: { bytes, from: 0, to: bytes.length } };
  };
  return (saved === -1 ? await save(packEdits(edits.map(all))) : saved) === 1;
}

function packEdits(edits: readonly ShardEdit[]): Buffer {
  const parts = edits.map((edit) => edit.change.bytes.subarray(edit.change.from, endOf(edit)));
  const packed = Buffer.allocUnsafe(parts.reduce((sum, part) => sum + headBytes + part.length, 0));
  let at = 0;
  for (const [i, { shard, before, change }] of edits.entries()) {
    const { bytes, from } = change;
    const part = parts[i]!;
    for (const number of [shard, before, bytes.length, from, part.length]) at = packed.writeUInt32BE(number, at);
    at += part.copy(packed, at);
  }
  return packed;
}

/** What grew or shrank is written to its end. */
function endOf({ before, change: { bytes, to } }: ShardEdit): number {
  return bytes.length === before ? to : bytes.length;
}
