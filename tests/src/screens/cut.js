// Words that are cut: text wider than a box that hides it, or beyond what clips it, or off the page.
// What is scrolled to is not cut, nor is what says itself that it goes on. A faded row of small
// pictures is no text.
const clips = (style) => /hidden|clip/.test(style.overflowX);
const cut = [];
const scope = [...document.querySelectorAll('dialog[open]')].at(-1)
  ?? document.querySelector('.stage:not([hidden])') ?? document.getElementById('shop') ?? document.body;
const walker = document.createTreeWalker(scope, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const node = walker.currentNode;
  const own = node.parentElement;
  if (!node.data.trim() || !own.checkVisibility({ visibilityProperty: true }) || own.closest('#mini, template, .belt, .unseen, script, style')) continue;
  const range = document.createRange();
  range.selectNodeContents(node);
  const box = range.getBoundingClientRect();
  let goesOn = false;
  for (let at = own; at && at !== document.documentElement; at = at.parentElement) {
    const style = getComputedStyle(at);
    const edge = at.getBoundingClientRect();
    const inline = style.display.startsWith('inline') && style.display !== 'inline-flex';
    const framed = at.matches('button, a, .chip, .card, p, h1, h2, h3') && !inline;
    goesOn = style.textOverflow === 'ellipsis' || style.clipPath !== 'none' || /auto|scroll/.test(style.overflowX);
    if (goesOn) break;
    if ((clips(style) || framed) && (box.right > edge.right + 1.5 || box.left < edge.left - 1.5)) {
      cut.push([at.tagName + '.' + at.className + '#' + at.id, node.data]);
      break;
    }
  }
  if (!goesOn && (box.left < -1 || box.right > innerWidth + 1)) cut.push(['off the page', node.data]);
}
return cut.map((one) => one.join(': '));