// What the page does beyond showing: it joins list, ladder and graphs of a connection, zooms, and listens to keys.
// Everything it needs is in the markup. A plot's paths are of three kinds: a `curve` has absolute commands only, a `bar` is
// `M x y V y`, a `glyph` is `M x y` and relative commands; `data-n` has the segment of each bar or glyph.
(() => {
'use strict';
const $ = (selector, within = document) => within.querySelector(selector);
const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];
const root = document.documentElement;
root.classList.add('js');

// ---- Graphs -------------------------------------------------------------------------------------------------------

const SVG = 'http://www.w3.org/2000/svg';
const make = (name, attributes, parent) => {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return parent.appendChild(element);
};
const round = value => Math.round(value * 100) / 100;
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** The next of 1, 2 or 5 times a power of ten. */
const roundUp = value => {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5].find(factor => factor * power >= value * (1 - 1e-9)) ?? 10) * power;
};
const digits = (value, step) => value.toFixed(clamp(-Math.floor(Math.log10(step) + 1e-9), 0, 9));

/** Reads a path of a plot; what is drawn of it for another view is `draw(mapX, mapY)`. */
class Series {
  constructor(path) {
    this.path = path;
    this.was = path.getAttribute('d');
    this.kind = ['bar', 'glyph', 'curve'].find(kind => path.classList.contains(kind));
    this.numbers = (path.dataset.n ?? '').split(' ').filter(Boolean).map(Number);
    const number = '(-?[\\d.]+)';
    if (this.kind === 'bar') {
      this.items = [...this.was.matchAll(new RegExp(`M${number} ${number}V${number}`, 'g'))]
        .map(([, x, low, high]) => ({ x: +x, y: +high, low: +low }));
    } else if (this.kind === 'glyph') {
      const [, shape = ''] = /^M-?[\d.]+ -?[\d.]+([^M]*)/.exec(this.was) ?? [];
      this.shape = shape;
      this.items = [...this.was.matchAll(new RegExp(`M${number} ${number}`, 'g'))].map(([, x, y]) => ({ x: +x, y: +y, low: +y }));
    } else {
      this.commands = [...this.was.matchAll(new RegExp(`([MLHVZ])(?:${number}(?: ${number})?)?`, 'g'))]
        .map(([, command, a, b]) => [command, +a, +b]);
      this.items = [];
      let [x, y] = [0, 0];
      for (const [command, a, b] of this.commands) {
        if (command === 'H') x = a; else if (command === 'V') y = a; else if (command !== 'Z') [x, y] = [a, b];
        this.items.push({ x, y, low: y });
      }
    }
    this.items.forEach((item, n) => { item.segment = this.numbers[n] || 0; });
  }
  draw(mapX, mapY) {
    const inView = ({ x }) => { const at = mapX(x); return at > -50 && at < 1100; };
    if (this.kind === 'bar') {
      return this.items.filter(inView).map(({ x, y, low }) => `M${round(mapX(x))} ${round(mapY(low))}V${round(mapY(y))}`).join('');
    }
    if (this.kind === 'glyph') {
      return this.items.filter(inView).map(({ x, y }) => `M${round(mapX(x))} ${round(mapY(y))}${this.shape}`).join('');
    }
    const far = value => clamp(round(value), -1e5, 1e5);
    return this.commands.map(([command, a, b]) => {
      if (command === 'Z') return 'Z';
      if (command === 'H') return `H${far(mapX(a))}`;
      if (command === 'V') return `V${far(mapY(a))}`;
      return `${command}${far(mapX(a))} ${far(mapY(b))}`;
    }).join('');
  }
}

const numbersOf = text => text.split(' ').map(Number);

/** A panel of a graph: its plot, its axis, and the marks over it. */
class Panel {
  constructor(element, span) {
    this.element = element;
    this.span = span;
    [this.left, this.top, this.width, this.height] = numbersOf(element.dataset.box);
    this.highest = +element.dataset.top;
    this.grid = $('.grid', element);
    this.gridWas = this.grid.innerHTML;
    this.series = $$('.plot path', element).map(path => new Series(path));
    this.one = +element.dataset.one;
    this.over = make('g', { class: 'over' }, element);
    [this.mapX, this.mapY] = [x => x, y => y];
  }
  /** Draws the part of the time from `from` to `to`, of 0 to 1. */
  draw(from, to) {
    const whole = from <= 0 && to >= 1;
    this.mapX = whole ? x => x : x => this.left + (x - this.left - from * this.width) / (to - from);
    const bottom = this.top + this.height;
    let [low, high] = [0, this.highest];
    if (!whole) {
      [low, high] = this.reach();
      const scale = this.highest / (high - low);
      const value = y => (bottom - y) / this.height;
      this.mapY = y => bottom - (value(y) * this.highest - low) / this.highest * scale * this.height;
    } else {
      this.mapY = y => y;
    }
    for (const series of this.series) series.path.setAttribute('d', whole ? series.was : series.draw(this.mapX, this.mapY));
    if (whole) this.grid.innerHTML = this.gridWas; else this.axes(low, high, from, to);
  }
  /** The lowest and highest figure in view; every axis but that of sequence numbers begins at zero. */
  reach() {
    const value = y => (this.top + this.height - y) / this.height * this.highest;
    const [begin, end] = [this.left, this.left + this.width];
    let [low, high] = [Infinity, -Infinity];
    const take = y => { low = Math.min(low, value(y)); high = Math.max(high, value(y)); };
    for (const series of this.series) {
      if (series.path.classList.contains('limit')) continue;
      const curve = series.kind === 'curve';
      let before = null;
      for (const item of series.items) {
        const x = this.mapX(item.x);
        if (x >= begin && x <= end) {
          if (before) take(before.y);
          take(item.y); take(item.low);
          before = null;
        } else if (x < begin) {
          before = curve ? item : null;
        } else {
          break;
        }
      }
      if (before) take(before.y);
    }
    // Nothing, or a level: where that stands in the whole says most.
    if (!(high > low)) return [0, this.highest];
    const room = (high - low) * 0.06;
    return this.element.dataset.kind === 'sequence' ? [Math.max(low - room, 0), high + room] : [0, high + room];
  }
  axes(low, high, from, to) {
    this.grid.replaceChildren();
    const bottom = this.top + this.height;
    const step = roundUp((high - low) / this.one / (this.height > 250 ? 7 : 4));
    for (let n = Math.ceil(low / this.one / step); n * step <= high / this.one; n += 1) {
      const y = round(bottom - (n * step * this.one - low) / (high - low) * this.height);
      make('path', { class: 'rule', d: `M${this.left} ${y}H${this.left + this.width}` }, this.grid);
      make('text', { class: 'tick y', x: this.left - 8, y: y + 4 }, this.grid).textContent = digits(n * step, step);
    }
    for (const { x } of timeTicks(this, from, to).ticks) {
      make('path', { class: 'rule', d: `M${round(x)} ${this.top}V${bottom}` }, this.grid);
    }
    make('path', { class: 'base', d: `M${this.left} ${bottom}H${this.left + this.width}` }, this.grid);
  }
  /** What has a segment and is nearest to a place. */
  nearest(x, y, most) {
    let best = null;
    for (const series of this.series) {
      for (const item of series.items) {
        if (!item.segment) continue;
        const [at, up, down] = [this.mapX(item.x), this.mapY(item.y), this.mapY(item.low)];
        const far = Math.hypot((at - x), Math.max(up - y, 0, y - down));
        if (far < most && (!best || far < best.far)) best = { far, segment: item.segment, panel: this };
      }
    }
    return best;
  }
  /** Rings around everything of a segment. */
  mark(segment, kind) {
    for (const old of $$(`.${kind}`, this.over)) old.remove();
    if (!segment) return;
    const group = make('g', { class: kind }, this.over);
    let guided = false;
    for (const series of this.series) {
      for (const item of series.items) {
        if (item.segment !== segment) continue;
        const [x, y] = [this.mapX(item.x), this.mapY(item.y)];
        if (x < this.left - 1 || x > this.left + this.width + 1) continue;
        if (kind === 'at' && !guided) make('path', { class: 'guide', d: `M${round(x)} ${this.top}V${this.top + this.height}` }, group);
        guided = true;
        make('circle', { class: `ring ${kind === 'at' ? '' : 'hover'}`, cx: round(x), cy: round(clamp(y, this.top, this.top + this.height)), r: 7 }, group);
      }
    }
  }
}

/** Ticks of the axis of time, in the unit that fits what is seen of `span` seconds. */
const timeTicks = ({ left, width, span }, from, to) => {
  const [begin, length] = [from * span, (to - from) * span];
  const [unit, one] = [['s', 1], ['ms', 1e-3], ['µs', 1e-6]].find(([, one]) => length >= 2 * one) ?? ['µs', 1e-6];
  const step = roundUp(length / one / (width / 90));
  const ticks = [];
  for (let n = Math.ceil(begin / one / step - 1e-9); n * step * one <= begin + length; n += 1) {
    ticks.push({ x: left + (n * step * one - begin) / length * width, label: digits(n * step, step) });
  }
  return { unit, ticks };
};

class Graph {
  constructor(svg, section) {
    this.svg = svg;
    this.section = section;
    [this.from, this.to] = [0, 1];
    this.spans = $$('.over-time', svg).map(element => {
      const span = +element.dataset.span / 1e9;
      const box = $('.times', element);
      const [left, , width] = numbersOf(box.dataset.box);
      return {
        panels: $$('.panel', element).map(panel => new Panel(panel, span)),
        times: box, timesWas: box.innerHTML, left, width, span,
        tracks: $$('.track > path', element).map(path => new Series(path)),
      };
    });
    this.panels = this.spans.flatMap(span => span.panels);
    this.listen();
  }
  set(from, to) {
    const least = 1e-6;
    let length = clamp(to - from, least, 1);
    this.from = clamp(from, 0, 1 - length);
    this.to = this.from + length;
    if (!this.waiting) {
      this.waiting = true;
      requestAnimationFrame(() => { this.waiting = false; this.draw(); });
    }
  }
  zoom(by, around = (this.from + this.to) / 2) {
    this.set(around - (around - this.from) * by, around + (this.to - around) * by);
  }
  move(by) { const length = this.to - this.from; this.set(this.from + by * length, this.to + by * length); }
  draw() {
    const whole = this.from <= 0 && this.to >= 1;
    this.svg.dataset.view = `${this.from} ${this.to}`;
    for (const { panels, times, timesWas, left, width, span, tracks } of this.spans) {
      for (const panel of panels) panel.draw(this.from, this.to);
      const mapX = x => clamp(left + (x - left - this.from * width) / (this.to - this.from), left, left + width);
      for (const track of tracks) track.path.setAttribute('d', whole ? track.was : track.draw(mapX, y => y));
      if (whole) { times.innerHTML = timesWas; continue; }
      const y = numbersOf(times.dataset.box)[1];
      const { unit, ticks } = timeTicks({ left, width, span }, this.from, this.to);
      times.replaceChildren();
      make('text', { class: 'tick y unit', x: left - 16, y }, times).textContent = unit;
      for (const { x, label } of ticks) {
        const text = make('text', { class: 'tick x', x: round(x), y }, times);
        text.textContent = label;
        // The last one may have no room on both sides.
        const half = text.getComputedTextLength() / 2;
        text.setAttribute('x', round(Math.min(x, left + width + 15 - half)));
      }
    }
    this.mark(this.section.chosen, 'at');
  }
  mark(segment, kind) { for (const panel of this.panels) panel.mark(segment, kind); }
  place(event) {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(this.svg.getScreenCTM().inverse());
    const panel = this.panels.find(({ top, height }) => at.y >= top - 8 && at.y <= top + height + 8);
    return { x: at.x, y: at.y, panel };
  }
  part({ x }) {
    const { left, width } = this.spans[0];
    return this.from + clamp((x - left) / width, 0, 1) * (this.to - this.from);
  }
  /** Shows what is being picked between two places. */
  pick(one, other) {
    for (const panel of this.panels) {
      $('.picked', panel.over)?.remove();
      const [from, to] = [one, other].map(x => clamp(x, panel.left, panel.left + panel.width)).sort((a, b) => a - b);
      if (to > from) make('rect', { class: 'picked', x: from, y: panel.top, width: to - from, height: panel.height }, panel.over);
    }
  }
  listen() {
    const svg = this.svg;
    // A wheel alone scrolls, as everywhere; with Ctrl (or two fingers on a pad, which comes as that) it zooms.
    svg.addEventListener('wheel', event => {
      const place = this.place(event);
      if (!place.panel || !(event.ctrlKey || event.metaKey || event.shiftKey)) return;
      event.preventDefault();
      this.zoom(Math.exp(clamp(event.deltaY || event.deltaX, -200, 200) / 300), this.part(place));
    }, { passive: false });
    // Dragging picks a stretch of time; where one is shown already, it moves it, and picks with Shift.
    let drag = null;
    svg.addEventListener('pointerdown', event => {
      const place = this.place(event);
      if (event.button !== 0 || !place.panel) return;
      const moves = (this.from > 0 || this.to < 1) && !event.shiftKey;
      drag = { x: place.x, at: this.part(place), from: this.from, to: this.to, moved: false, moves, id: event.pointerId };
    });
    svg.addEventListener('pointermove', event => {
      const place = this.place(event);
      if (drag && event.buttons) {
        const far = Math.abs(place.x - drag.x);
        if (!drag.moved && far > 4) { drag.moved = true; svg.setPointerCapture(drag.id); hideTip(); }
        if (!drag.moved) return;
        const by = (place.x - drag.x) / this.spans[0].width * (drag.to - drag.from);
        if (drag.moves) this.set(drag.from - by, drag.to - by); else this.pick(drag.x, place.x);
        return;
      }
      const near = place.panel?.nearest(place.x, place.y, 26);
      this.mark(near?.segment ?? 0, 'hovered');
      if (near) this.section.tip(near.segment, event); else hideTip();
    });
    const end = event => {
      this.pick(0, 0);
      if (drag && event.type === 'pointerup') {
        const place = this.place(event);
        const near = place.panel?.nearest(place.x, place.y, 26);
        const picked = [drag.at, this.part(place)].sort((a, b) => a - b);
        if (!drag.moved && near) this.section.choose(near.segment);
        if (drag.moved && !drag.moves) this.set(...picked);
      }
      drag = null;
    };
    svg.addEventListener('pointerup', end);
    svg.addEventListener('pointercancel', end);
    svg.addEventListener('pointerleave', () => { this.mark(0, 'hovered'); hideTip(); });
    svg.addEventListener('dblclick', () => this.set(0, 1));
  }
}

// ---- Connections --------------------------------------------------------------------------------------------------

const tip = $('#tip');
const hideTip = () => { tip.hidden = true; };

class Section {
  constructor(element) {
    this.element = element;
    this.number = +element.dataset.connection;
    this.rows = $$('.segments > li[data-segment]', element);
    this.byNumber = new Map(this.rows.map((row, n) => [+row.dataset.segment, n]));
    this.list = $('.list .scroll', element);
    this.ladder = $('.ladder .scroll', element);
    this.arrows = $$('[data-segment]', this.ladder);
    this.chosen = 0;
    this.zoomed = 1;
    this.graphs = null;
    for (const [where, items] of [[this.list, this.rows], [this.ladder, this.arrows]]) {
      const of = event => event.target.closest('[data-segment]');
      where.addEventListener('click', event => {
        const item = of(event);
        if (!item) return;
        // What stands for several is unfolded.
        const whole = item.dataset.last && $('details.whole', this.ladder);
        if (whole) whole.open = true;
        this.choose(+item.dataset.segment, whole || undefined);
      });
      where.addEventListener('pointermove', event => {
        const item = of(event);
        if (item && items === this.arrows) this.tip(+item.dataset.segment, event); else hideTip();
        for (const graph of this.graphs ?? []) graph.mark(item ? +item.dataset.segment : 0, 'hovered');
      });
      where.addEventListener('pointerleave', () => { hideTip(); for (const graph of this.graphs ?? []) graph.mark(0, 'hovered'); });
    }
    element.addEventListener('click', event => {
      const cite = event.target.closest('[data-cite]');
      if (cite && this.byNumber.has(+cite.dataset.cite)) { event.preventDefault(); this.choose(+cite.dataset.cite); }
      const button = event.target.closest('[data-zoom]');
      if (button) this.zoom(button.dataset.zoom, button.dataset.by);
    });
    $('summary', element).addEventListener('click', event => event.preventDefault());
  }
  show() {
    this.element.open = true;
    this.element.classList.add('current');
    // Paths are read when they are first shown: a page may hold many.
    this.graphs ??= $$('.graphs svg.graph', this.element).map(svg => new Graph(svg, this));
  }
  zoom(what, by) {
    if (what === 'graph') {
      for (const graph of this.graphs) if (by === 'all') graph.set(0, 1); else graph.zoom(by === 'in' ? 0.6 : 1 / 0.6);
      return;
    }
    this.zoomed = by === 'all' ? 1 : clamp(this.zoomed * (by === 'in' ? 1.25 : 0.8), 0.3, 4);
    this.ladder.style.setProperty('--zoom', this.zoomed);
  }
  /** tcpdump's line of a segment, and why it is there. */
  words(number) {
    const row = this.rows[this.byNumber.get(number)];
    if (!row) return { line: `${number}: not on this page`, why: '' };
    return { line: `${number}  ${$('code', row).textContent}`, why: $('small', row)?.textContent ?? '' };
  }
  tip(number, event) {
    const { line, why } = this.words(number);
    const code = document.createElement('code');
    code.textContent = line;
    tip.replaceChildren(code);
    if (why) { const small = document.createElement('small'); small.textContent = why; tip.append(small); }
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    tip.style.left = `${clamp(event.clientX + 14, 4, innerWidth - box.width - 4)}px`;
    const below = event.clientY + 18;
    tip.style.top = `${below + box.height > innerHeight - 4 ? event.clientY - box.height - 12 : below}px`;
  }
  /** Marks a segment in list, ladder and graphs; 0 is none. */
  choose(number, within = this.ladder) {
    this.chosen = number;
    for (const item of [...this.rows, ...this.arrows]) {
      const on = number > 0 && +item.dataset.segment === number;
      item.classList.toggle('on', on);
      if (item.tagName === 'LI') { if (on) item.setAttribute('aria-current', 'true'); else item.removeAttribute('aria-current'); }
    }
    for (const graph of this.graphs) graph.mark(number, 'at');
    const chosen = $('#chosen');
    chosen.hidden = !number;
    document.body.classList.toggle('has-chosen', number > 0);
    if (!number) return;
    const { line, why } = this.words(number);
    $('#line').textContent = line;
    $('#why').textContent = why;
    into(this.list, this.rows[this.byNumber.get(number)]);
    // What is folded away stands near the last arrow before it.
    const seen = this.arrows.filter(arrow => within.contains(arrow) && arrow.checkVisibility());
    const arrow = seen.find(arrow => +arrow.dataset.segment === number) ?? seen.filter(arrow => +arrow.dataset.segment < number).pop();
    into(this.ladder, arrow);
  }
  step(by) {
    const at = this.byNumber.get(this.chosen);
    const next = at === undefined ? (by > 0 ? 0 : this.rows.length - 1) : clamp(at + by, 0, this.rows.length - 1);
    if (this.rows[next]) this.choose(+this.rows[next].dataset.segment);
  }
}

/** Scrolls a pane, and nothing but the pane, until an element is in the middle of it. */
const into = (pane, element) => {
  if (!element) return;
  const [outer, inner] = [pane.getBoundingClientRect(), element.getBoundingClientRect()];
  if (inner.top < outer.top + 30 || inner.bottom > outer.bottom - 30) {
    pane.scrollTop += inner.top - outer.top - (outer.height - inner.height) / 2;
  }
};

const sections = $$('details.connection').map(element => new Section(element));
let current = null;

const show = (section, scroll = true) => {
  if (!section || section === current) return;
  if (current) { current.choose(0); current.element.classList.remove('current'); }
  current = section;
  section.show();
  for (const row of $$('.overview tr[data-connection]')) {
    if (+row.dataset.connection === section.number) row.setAttribute('aria-current', 'true'); else row.removeAttribute('aria-current');
  }
  if (scroll) section.element.scrollIntoView({ block: 'start' });
  find($('#search').value, false);
};

/** Goes where the address points: `#c3`, or `#c3-17` for a segment. */
const follow = scroll => {
  const [, number, segment] = /^#c(\d+)(?:-(\d+))?$/.exec(location.hash) ?? [];
  const section = sections.find(section => section.number === +number) ?? sections[0];
  show(section, scroll && number !== undefined);
  if (segment && section) section.choose(+segment);
};

// ---- Search, keys, theme ------------------------------------------------------------------------------------------

let fits = [];
const find = (text, choose = true) => {
  if (!current) return;
  const wanted = text.trim().toLowerCase();
  fits = wanted ? current.rows.filter(row => row.textContent.toLowerCase().includes(wanted)) : [];
  for (const row of current.rows) row.classList.toggle('fits', fits.includes(row));
  $('#found').textContent = wanted ? `${fits.length} found` : '';
  if (choose && fits.length) current.choose(+fits[0].dataset.segment);
};
const findNext = by => {
  if (!fits.length) return;
  const at = fits.findIndex(row => +row.dataset.segment === current.chosen);
  current.choose(+fits[(at + by + fits.length) % fits.length].dataset.segment);
};

const THEMES = ['', 'dark', 'light'];
const remembered = { get() { try { return localStorage.getItem('limpid-theme') ?? ''; } catch { return ''; } }, set(theme) { try { localStorage.setItem('limpid-theme', theme); } catch { /* nothing is remembered then */ } } };
const setTheme = theme => {
  if (theme) root.dataset.theme = theme; else delete root.dataset.theme;
  $('#theme').textContent = { '': '◐', dark: '●', light: '○' }[theme];
  remembered.set(theme);
};
const nextTheme = () => setTheme(THEMES[(THEMES.indexOf(root.dataset.theme ?? '') + 1) % THEMES.length]);

const goTo = by => show(sections[clamp(sections.indexOf(current) + by, 0, sections.length - 1)]);
const graphs = act => { for (const graph of current?.graphs ?? []) act(graph); };
const KEYS = {
  j: () => current?.step(1),
  k: () => current?.step(-1),
  g: () => current?.step(-Infinity),
  G: () => current?.step(Infinity),
  '[': () => goTo(-1),
  ']': () => goTo(1),
  '/': () => $('#search').focus(),
  n: () => findNext(1),
  N: () => findNext(-1),
  '?': () => $('#keys').showModal(),
  '+': () => graphs(graph => graph.zoom(0.6)),
  '=': () => graphs(graph => graph.zoom(0.6)),
  '-': () => graphs(graph => graph.zoom(1 / 0.6)),
  0: () => graphs(graph => graph.set(0, 1)),
  ArrowLeft: () => graphs(graph => graph.move(-0.2)),
  ArrowRight: () => graphs(graph => graph.move(0.2)),
  t: nextTheme,
  Escape: () => current?.choose(0),
};
for (let n = 1; n <= 9; n += 1) KEYS[n] = () => show(sections[n - 1]);

addEventListener('keydown', event => {
  if (event.ctrlKey || event.metaKey || event.altKey || $('#keys').open) return;
  if (event.target === $('#search')) {
    if (event.key === 'Enter') { event.preventDefault(); findNext(event.shiftKey ? -1 : 1); }
    if (event.key === 'Escape') { event.target.value = ''; find(''); event.target.blur(); }
    return;
  }
  // In a pane that scrolls, arrows scroll.
  if (event.key.startsWith('Arrow') && event.target.closest?.('.scroll')) return;
  const act = Object.hasOwn(KEYS, event.key) ? KEYS[event.key] : null;
  if (act) { event.preventDefault(); act(); }
});
$('#search').addEventListener('input', event => find(event.target.value));
$('#theme').addEventListener('click', nextTheme);
$('#help').addEventListener('click', () => $('#keys').showModal());
$('#previous').addEventListener('click', () => current?.step(-1));
$('#next').addEventListener('click', () => current?.step(1));
addEventListener('hashchange', () => follow(true));
// All of it goes on paper.
addEventListener('beforeprint', () => { for (const section of sections) section.element.open = true; });

setTheme(remembered.get() || (root.dataset.theme ?? ''));
follow(false);
})();
