// Runs in every page before its own scripts, and looks at it from inside.

/** The elements that reach out of the window, each by tag, class and text; none when nothing has to be moved aside. */
function tooWide() {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  return [...document.querySelectorAll('body *')]
    .filter((element) => element.getBoundingClientRect().right > width + 1)
    .map((element) => `${element.tagName}.${element.className}: ${(element.textContent ?? '').slice(0, 60)}`);
}

/** What axe finds under its rules with these tags: impact, rule and elements in words. */
async function axeFaults(tags) {
  const { violations } = await window.axe.run(document, { runOnly: tags, resultTypes: ['violations'] });
  return violations.flatMap(({ impact, id, help, nodes }) =>
    nodes.map(({ html, failureSummary }) => ({ impact, text: `${id}: ${help}\n  ${html}\n  ${failureSummary ?? ''}` })),
  );
}

/** Animations and transitions that go on now, by their elements. */
function moving() {
  const going = document.getAnimations().filter(({ playState }) => playState === 'running');
  return going.map(({ effect }) => `${effect.target.tagName}.${effect.target.className}`);
}

// What breaks the policy is an error of the console anyway; this names what it was.
document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI, sample }) => {
  console.error(`policy: ${violatedDirective} ${blockedURI} ${sample}`);
});

window.lookInside = { tooWide, moving, axeFaults };
