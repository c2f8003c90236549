/** A browser as far as consent needs one: it keeps cookies, follows redirects, and sends forms that send themselves. */

const stepsAtMost = 20;

/** Goes to an address and on from there; returns the text of the last page. */
export async function browse(address: string): Promise<{ status: number; text: string; url: string }> {
  const cookies = new Map<string, Map<string, string>>();
  let url = new URL(address);
  let form: URLSearchParams | undefined;
  for (let step = 0; step < stepsAtMost; step += 1) {
    const jar = cookies.get(url.host) ?? new Map<string, string>();
    cookies.set(url.host, jar);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const response: Response = await fetch(url, {
      method: form ? 'POST' : 'GET',
      ...(form && { body: form }),
      headers: { cookie },
      redirect: 'manual',
    });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!;
      if (value === '') jar.delete(name!);
      else jar.set(name!, value!);
    }
    form = undefined;
    const next = response.headers.get('location');
    const text = await response.text();
    if (next !== null) url = new URL(next, url);
    else {
      const found = formIn(text);
      if (!found || response.status !== 200) return { status: response.status, text, url: url.href };
      form = found.values;
      url = new URL(found.action, url);
    }
  }
  throw new Error(`no end after ${stepsAtMost} steps at ${url}`);
}

/** A form with nothing to fill in. */
function formIn(text: string): { action: string; values: URLSearchParams } | undefined {
  const action = /<form[^>]*action="([^"]+)"/.exec(text)?.[1];
  if (action === undefined) return undefined;
  const values = new URLSearchParams();
  for (const [input] of text.matchAll(/<input[^>]*type="hidden"[^>]*>/g)) {
    const name = /name="([^"]+)"/.exec(input)?.[1];
    if (name !== undefined) values.set(name, /value="([^"]*)"/.exec(input)?.[1] ?? '');
  }
  return { action, values };
}
