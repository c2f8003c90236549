import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildFullReport } from '../../src/report/full-report.ts';
import { escaped, html } from '../../src/report/html/markup.ts';
import { fullHtml } from '../../src/report/html/page.ts';
import { contentPolicy } from '../../src/report/html/style.ts';
import { throughputChart } from '../../src/report/html/throughput-chart.ts';
import { visible } from '../../src/report/visible.ts';
import { hostileTexts } from '../browser/hostile.ts';
import { fuzz } from '../fuzz.ts';
import { messagesOf, plainHead, standingOf, textOf, undelivered } from './made-standings.ts';

const anything = fc.oneof(
  fc.constantFrom(...Object.values(hostileTexts)),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc
    .array(fc.constantFrom(...'<>&"\'=/! \0\t\n\r\u0085\u202e\u2066\ud800', '<script>', '-->', '&lt;'), {
      maxLength: 12,
    })
    .map((parts) => parts.join('')),
);

const characters: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };

describe('text in markup', () => {
  fuzz('has no character of the markup, and none without a form', anything, (text) => {
    const shown = html`<p>${text}</p>`.text.slice(3, -4);
    expect(shown).not.toMatch(/[<>"']|&(?!(?:amp|lt|gt|quot|#39);)/);
    const plain = shown.replace(/&(\w+|#39);/g, (_, name: string) => characters[name]!);
    expect(plain).toBe(visible(text));
    expect(shown).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]|\p{Cs}/u);
  });

  it.each([
    ['\x1b[31m', '␛[31m'],
    ['a\nb\0', 'a␊b␀'],
    ['gpj.\u202eexe', 'gpj.⟨U+202E⟩exe'],
    ['\u{e0041}\ufeff\x7f\x9b', '⟨U+E0041⟩⟨U+FEFF⟩⟨U+007F⟩⟨U+009B⟩'],
    // Letters of Persian and faces of several parts are joined by what has no form.
    ['می\u200cخواهم 👩\u200d💻 grüße', 'می\u200cخواهم 👩\u200d💻 grüße'],
  ])('%j is visible', (text, shown) => {
    expect(visible(text)).toBe(shown);
  });

  it('stays as it is where it is markup, in lists, or nothing', () => {
    const list = ['a&b', html`<br>`, [1, false]] as const;
    expect(html`<p class="${'"x"'}">${list}</p>`.text).toBe('<p class="&quot;x&quot;">a&amp;b<br>1</p>');
  });
});

describe('the page', () => {
  it('lets nothing in but its own style sheet, whatever stands in it', async () => {
    const text = Object.values(hostileTexts).join(' ');
    const standing = standingOf(text, {
      group: text,
      run: { listed: 1, refused: 1, state: 'incomplete' },
      mailboxes: { [text]: 0 },
    });
    const full = buildFullReport(
      { ...plainHead, title: text, by: text, host: text, scope: text },
      [standing],
      new Map(),
    );
    const told = undelivered({
      account: text,
      uidl: text,
      date: text,
      messageId: text,
      subject: text,
      text,
      reply: text,
      code: text,
    });
    const { fate: _, remedy: __, ...rest } = told;
    const page = await textOf(
      fullHtml(full, messagesOf([[told]], [[{ ...rest, by: text, reason: text, at: text }]]), { messagesMax: 9 }),
    );
    expect(page).toContain(`content="${contentPolicy()}"`);
    const tags = new Set([...page.matchAll(/<\/?([a-z!][\w!-]*)/gi)].map(([, name]) => name!.toLowerCase()));
    const known =
      'body br caption code details div h1 h2 h3 head html li main meta p rect section span strong style summary svg table tbody td tfoot th thead title tr ul';
    expect([...tags].filter((tag) => !known.split(' ').includes(tag))).toEqual(['!doctype', '!--']);
    // Without what stands in quotation marks.
    expect(page.replace(/"[^"]*"/g, '""').match(/<[^>]*\s(?:on\w+|style|src|href|srcset|action)=/gi)).toBeNull();
    expect(page).toContain(escaped(hostileTexts['script']!));
  });
});

describe('what was appended over time', () => {
  const at = (minute: number) => new Date(Date.parse('2026-03-01T20:00:00Z') + minute * 60_000).toISOString();
  const sample = (minute: number, messages: number) => ({ at: at(minute), messages, bytes: messages * 1000 });

  it('is shown from the first to the last step with anything in it', () => {
    const chart = throughputChart(
      [sample(0, 0), sample(3, 10), sample(4, 0), sample(5, 40), sample(9, 0)],
      60_000,
    )!.text;
    expect(chart).toContain('Messages appended over time: 50, 50.0 kB; at most 40 in 1 minute(s)');
    expect(chart).toContain('viewBox="0 0 3 100"');
    expect(
      [...chart.matchAll(/<rect [^>]*x="([\d.]+)"[^>]* height="([\d.]+)"/g)].map(([, x, tall]) => [x, tall]),
    ).toEqual([
      ['0.08', '25.00'],
      ['2.08', '100.00'],
    ]);
    expect(chart).toContain('<span>2026-03-01 20:03:00 UTC</span><span>2026-03-01 20:06:00 UTC</span>');
  });

  it('takes steps together where there are many, and none is lost', () => {
    const week = Array.from({ length: 10_080 }, (_, minute) => sample(minute, 1));
    const chart = throughputChart(week, 60_000)!.text;
    expect(chart).toContain('Messages appended over time: 10,080');
    expect(chart.match(/<rect/g)).toHaveLength(96);
    expect(chart).toContain('at most 105 in 105 minute(s)');
  });

  it('is left out where nothing was, or once', () => {
    expect(throughputChart([sample(0, 0)], 60_000)).toBeUndefined();
    expect(throughputChart([sample(0, 0), sample(1, 5)], 60_000)).toBeUndefined();
  });
});
