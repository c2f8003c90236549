import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Response, readAppendUid, readList, readResponse } from '../../src/imap/response.ts';
import { LineTooLong, ResponseReader } from '../../src/imap/response-reader.ts';

const transcript = [
  '* OK [ALERT] the disk will be changed tonight {12}',
  '* 23 EXISTS',
  '* FLAGS (\\Answered \\Seen)',
  '* OK [PERMANENTFLAGS (\\Seen \\*)] limited',
  '* LIST () "/" {9}\r\nodd\r\nname',
  '* 1 FETCH (UID 7 BODY[HEADER] {14}\r\nh1 OK not\r\n* x UID 7 X ~{3}\r\n\r\n\0)',
  '+ go ahead',
  '+',
  'h1 OK [APPENDUID 38505 3955:3957] APPEND completed',
  'h2 NO [TOOBIG] 20 MB are too much {5}',
  'h3 BAD Command Argument Error. 11',
  'h4 OK',
  '* BYE [UNAVAILABLE] later',
].join('\r\n');
const bytes = Buffer.from(`${transcript}\r\n`, 'latin1');

function read(pieces: readonly Buffer[], lineMaxBytes = 1000): Response[] {
  const responses: Response[] = [];
  const reader = new ResponseReader(lineMaxBytes, (response) => responses.push(response));
  for (const piece of pieces) reader.push(piece);
  return responses;
}

const whole = read([bytes]);

describe('ResponseReader', () => {
  test('reads every kind of answer', () => {
    const status = { code: undefined, codeText: '', text: '' };
    expect(whole).toEqual([
      {
        kind: 'status',
        tag: '*',
        status: 'OK',
        code: 'ALERT',
        codeText: '',
        text: 'the disk will be changed tonight {12}',
      },
      { kind: 'data', text: '23 EXISTS' },
      { kind: 'data', text: 'FLAGS (\\Answered \\Seen)' },
      { kind: 'status', tag: '*', status: 'OK', code: 'PERMANENTFLAGS', codeText: '(\\Seen \\*)', text: 'limited' },
      { kind: 'data', text: 'LIST () "/" {9}' },
      { kind: 'data', text: '1 FETCH (UID 7 BODY[HEADER] {14} UID 7 X ~{3})' },
      { kind: 'continuation', text: 'go ahead' },
      { kind: 'continuation', text: '' },
      {
        ...status,
        kind: 'status',
        tag: 'h1',
        status: 'OK',
        code: 'APPENDUID',
        codeText: '38505 3955:3957',
        text: 'APPEND completed',
      },
      { ...status, kind: 'status', tag: 'h2', status: 'NO', code: 'TOOBIG', text: '20 MB are too much {5}' },
      { ...status, kind: 'status', tag: 'h3', status: 'BAD', text: 'Command Argument Error. 11' },
      { ...status, kind: 'status', tag: 'h4', status: 'OK' },
      { ...status, kind: 'status', tag: '*', status: 'BYE', code: 'UNAVAILABLE', text: 'later' },
    ]);
  });

  test('reads the same byte by byte', () => {
    expect(read([...bytes].map((byte) => Buffer.from([byte])))).toEqual(whole);
  });

  test('reads the same at every split', () => {
    for (let at = 1; at < bytes.length; at++) {
      expect(read([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(whole);
    }
  });

  test('takes LF alone as the end of a line', () => {
    expect(read([Buffer.from('h1 OK done\nh2 NO no\n')])).toMatchObject([{ tag: 'h1' }, { tag: 'h2', status: 'NO' }]);
  });

  test('refuses a line that does not end, and one whose literals add up', () => {
    expect(() => read([Buffer.alloc(600, 'a'), Buffer.alloc(600, 'a')])).toThrow(LineTooLong);
    const growing = Buffer.from(`* LIST ${'x'.repeat(90)}{1}\r\ny`);
    expect(() => read(Array.from({ length: 20 }, () => growing))).toThrow(LineTooLong);
  });

  test('passes over a literal that is larger than a line may be', () => {
    const large = Buffer.concat([
      Buffer.from('* X {100000}\r\n'),
      Buffer.alloc(100_000, '\n'),
      Buffer.from('\r\nh1 OK\r\n'),
    ]);
    expect(read([large])).toMatchObject([{ kind: 'data' }, { kind: 'status', tag: 'h1' }]);
  });
});

describe('readResponse', () => {
  test('a code may hold a bracket inside quotes', () => {
    expect(readResponse('* OK [BADCHARSET ("a]b")] text')).toMatchObject({ codeText: '("a]b")', text: 'text' });
  });

  test('knows what is no answer', () => {
    for (const line of ['the rest of a line', '(h1 OK', '*', 'h1 FINE thanks']) {
      expect(readResponse(line).kind).toBe('unknown');
    }
  });

  test('never throws', () => {
    fc.assert(fc.property(fc.string(), (line) => void readResponse(line)));
  });
});

describe('readAppendUid', () => {
  test('reads single UIDs, ranges and sets in order', () => {
    expect(readAppendUid('38505 3955', 1)).toEqual({ uidValidity: 38505, uids: [3955] });
    expect(readAppendUid('38505 3955:3957', 3)).toEqual({ uidValidity: 38505, uids: [3955, 3956, 3957] });
    expect(readAppendUid('1 4,6:7,9', 4)).toEqual({ uidValidity: 1, uids: [4, 6, 7, 9] });
  });

  test.each([
    ['0 5', 1],
    ['1 0', 1],
    ['1 5', 2],
    ['1 5:7', 2],
    ['1 7:5', 3],
    ['1 5,5', 2],
    ['1 7,5', 2],
    ['1 1:4294967295', 3],
    ['1 5:', 1],
    ['1', 1],
    ['x 5', 1],
    ['', 1],
  ])('takes %j for %i messages as none', (codeText, count) => {
    expect(readAppendUid(codeText, count)).toBeUndefined();
  });
});

test('readList gives the words of a list', () => {
  expect(readList('(\\Seen \\*  $Label)')).toEqual(['\\Seen', '\\*', '$Label']);
  expect(readList('nothing')).toEqual([]);
});
