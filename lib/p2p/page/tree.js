// SPDX-License-Identifier: LGPL-2.1-or-later
// The tree as a picture that can be moved and zoomed. Only what is in view is in the document.

const ROW = 44, BOX = 36, COLUMN = 234, PORT_WIDTH = 202, LEAF_WIDTH = 330;
// Smaller than a pixel or so a row shows nothing, and there are too many of them.
const SMALLEST = 0.03;
const svg = $('tree');
const view = {x: 20, y: 20, scale: 1, width: 0, height: 0, printing: false};
const layers = {};
let visible = []; // nodes from top to bottom
let totalHeight = 0, totalWidth = 0;
let activeNode = null; // where the keyboard is
let paintNode = () => {}; // sets classes and colours, by main.js
const drawn = new Map();
let far = false; // too far to read anything

function shape(tag, attributes, text) {
	const e = document.createElementNS('http://www.w3.org/2000/svg', tag);
	for (const [name, value] of Object.entries(attributes || {}))
		e.setAttribute(name, value);
	if (text !== undefined)
		e.textContent = text;
	return e;
}

const ruler = document.createElement('canvas').getContext('2d');
const fonts = {};

function cutText(text, width, font) {
	if (!fonts[font])
		fonts[font] = getComputedStyle(document.body).getPropertyValue('--' + font).trim();
	ruler.font = font === 'mono' ? `600 12px ${fonts[font]}` : `11px ${fonts[font]}`;
	if (ruler.measureText(text).width <= width)
		return text;
	let low = 0, high = text.length;
	while (low < high) {
		const mid = low + high + 1 >> 1;
		if (ruler.measureText(text.slice(0, mid) + '\u2026').width <= width)
			low = mid;
		else
			high = mid - 1;
	}
	return text.slice(0, low) + '\u2026';
}

// --- places -----------------------------------------------------------------------------------------

function isPort(node) {
	return node.kind === 'bridge' || (node.kind === 'function' && isBridge(functions[node.fn]));
}

function widthOf(node) {
	return isPort(node) ? PORT_WIDTH : LEAF_WIDTH;
}

// A node stands in the row of its first child; each leaf has a row of its own.
function layOut() {
	visible = [];
	let row = 0;
	totalWidth = 0;
	const put = node => {
		node.x = node.depth * COLUMN;
		node.y = row * ROW;
		totalWidth = Math.max(totalWidth, node.x + widthOf(node) + 30);
		visible.push(node);
		if (!node.open || !node.children.length) {
			node.bottom = node.y;
			row++;
			return;
		}
		// what is below a wide box cannot stand beside it
		if (!isPort(node))
			row++;
		node.children.forEach(put);
		node.bottom = node.children.at(-1).bottom;
		node.trunk = node.children.at(-1).y;
	};
	for (const top of tops) {
		put(top);
		row += 0.3;
	}
	totalHeight = row * ROW;
}

// --- drawing ----------------------------------------------------------------------------------------

function functionLabels(node) {
	const f = functions[node.fn];
	const second = isBridge(f) ? [typeOf(f), linkText(f.link)] : [f.driver, nameOf(f)];
	return [addressOf(node.fn), second.filter(Boolean).join(' \u00b7 ')];
}

function labelsOf(node) {
	if (node.kind === 'bridge')
		return [node.title, node.numa === undefined ? '' : `node ${node.numa}`];
	if (node.kind === 'stack') {
		const names = new Set(node.children.map(c => nameOf(functions[c.fn])));
		return [`${addressOf(node.first)} and ${node.size - 1} more`, nameOf(functions[node.first]) + (names.size > 1 ? ', and others' : '')];
	}
	return functionLabels(node);
}

function drawBadge(g, x, text) {
	g.append(shape('rect', {class: 'badge', x, y: 4, width: 46, height: 13, rx: 6}),
		shape('text', {class: 'badge-text', x: x + 23, y: 14}, text));
}

function drawToggle(g, node, width) {
	const count = node.open ? '\u2212' : '+';
	const x = isPort(node) ? width + 11 : width - 16;
	const t = shape('g', {class: 'switch', 'data-toggle': ''});
	t.append(shape('circle', {class: 'toggle', cx: x, cy: BOX / 2, r: 8}),
		shape('text', {class: 'sign', x, y: BOX / 2 + 4}, count));
	g.append(t);
	if (!node.open && isPort(node))
		g.append(shape('text', {class: 'more', x: width + 24, y: BOX / 2 + 4}, `${countBelow(node)} below`));
}

function countBelow(node) {
	return node.children.reduce((n, c) => n + (c.fn >= 0) + countBelow(c), 0);
}

function drawNode(node) {
	const width = widthOf(node), f = node.fn >= 0 ? functions[node.fn] : null;
	const [first, second] = labelsOf(node);
	const g = shape('g', {role: 'treeitem', id: `n${node.number}`, transform: `translate(${node.x},${node.y})`,
		'aria-level': node.depth + 1, 'aria-label': f ? `${f.address} ${typeOf(f)} ${nameOf(f)}` : first});
	if (f)
		g.setAttribute('data-address', f.address);
	if (node.children.length)
		g.setAttribute('aria-expanded', node.open);
	if (far)
		g.append(shape('rect', {class: 'box', width, height: BOX}), shape('rect', {class: 'stripe', width: 10, height: BOX}));
	if (far)
		return g;
	g.append(shape('title', {}, f ? `${f.address} ${typeOf(f)} ${nameOf(f)}` : first),
		shape('rect', {class: 'box', width, height: BOX, rx: 6}),
		shape('rect', {class: 'stripe', x: 0, y: 6, width: 4, height: BOX - 12, rx: 2}));
	const redirects = f && acsState(f) === 'redirect';
	g.append(shape('text', {class: 'addr', x: 13, y: second ? 15 : 22}, cutText(first, width - (redirects ? 66 : 20), 'mono')),
		shape('text', {class: 'sub', x: 13, y: 29}, cutText(second, width - (node.children.length && !isPort(node) ? 44 : 22), 'sans')));
	if (redirects)
		drawBadge(g, width - 52, 'redirect');
	else if (f && !isBridge(f) && f.link && f.link.width && !f.physical_function)
		g.append(shape('text', {class: 'sub', x: width - (node.children.length ? 30 : 10), y: 15, 'text-anchor': 'end'}, linkText(f.link)));
	if (node.children.length)
		drawToggle(g, node, width);
	return g;
}

function elbow(parent, child) {
	const from = isPort(parent) ? parent.x + widthOf(parent) : parent.x + 24;
	const middle = isPort(parent) ? parent.x + COLUMN - 8 : from;
	const y = isPort(parent) ? parent.y + BOX / 2 : parent.y + BOX;
	return `M${from},${y}H${middle}V${child.y + BOX / 2}H${child.x}`;
}

function edgeClass(node) {
	if (node.fn < 0)
		return 'edge';
	const f = functions[node.fn];
	const up = parentOf(node.fn);
	if (f.physical_function)
		return 'edge virtual';
	if (up >= 0 && functions[up].link && functions[up].link.width === 0)
		return 'edge down';
	return betterLink(node.fn) ? 'edge degraded' : 'edge';
}

function edgeWidth(node) {
	const link = node.fn >= 0 ? functions[node.fn].link : null;
	return link && link.width ? Math.min(1 + Math.log2(link.width) * 0.75, 4.5) : 1;
}

// The rows from the one to the other, both included, that are in view.
function inView() {
	const top = -view.y / view.scale - ROW, bottom = (view.height - view.y) / view.scale;
	return {top, bottom};
}

function drawEdges(top, bottom) {
	const edges = [];
	for (const node of visible) {
		if (!node.parent || node.y < top && node.parent.y < top || node.parent.y > bottom)
			continue;
		// of children that are far below only the last shows, by its trunk
		if (node.y > bottom && node !== node.parent.children.at(-1))
			continue;
		edges.push(shape('path', {class: edgeClass(node), d: elbow(node.parent, node), 'stroke-width': edgeWidth(node)}));
	}
	layers.edges.replaceChildren(...edges);
}

function draw() {
	const {top, bottom} = inView();
	const wanted = new Set();
	if (far !== view.scale < 0.2) {
		far = !far;
		drawn.forEach(g => g.remove());
		drawn.clear();
	}
	for (const node of visible)
		if (node.y >= top && node.y <= bottom)
			wanted.add(node);
	for (const [node, g] of drawn)
		if (!wanted.has(node)) {
			g.remove();
			drawn.delete(node);
		}
	for (const node of wanted)
		if (!drawn.has(node)) {
			const g = drawNode(node);
			drawn.set(node, g);
			layers.nodes.append(g);
			paintNode(node, g);
		}
	drawEdges(top, bottom);
	layers.all.setAttribute('transform', `translate(${view.x},${view.y}) scale(${view.scale})`);
}

let scheduled = false;

function redraw() {
	if (scheduled)
		return;
	scheduled = true;
	requestAnimationFrame(() => {
		scheduled = false;
		draw();
	});
}

function repaint() {
	for (const [node, g] of drawn)
		paintNode(node, g);
}

// After nodes were opened or closed.
function relayOut() {
	layOut();
	for (const g of drawn.values())
		g.remove();
	drawn.clear();
	drawPaths();
	redraw();
}

// --- moving -----------------------------------------------------------------------------------------

function clampView() {
	const slack = 120;
	view.x = Math.min(Math.max(view.x, slack - totalWidth * view.scale), view.width - slack);
	view.y = Math.min(Math.max(view.y, slack - totalHeight * view.scale), view.height - slack);
}

function zoomAt(factor, x, y) {
	const scale = Math.min(Math.max(view.scale * factor, SMALLEST), 3);
	view.x = x - (x - view.x) * scale / view.scale;
	view.y = y - (y - view.y) * scale / view.scale;
	view.scale = scale;
	clampView();
	redraw();
}

function fit() {
	view.scale = Math.max(Math.min((view.width - 40) / totalWidth, (view.height - 40) / totalHeight, 1), SMALLEST);
	view.x = view.y = 20;
	redraw();
}

// As large as can be read, from the top.
function startView() {
	view.scale = Math.min(Math.max((view.width - 40) / totalWidth, 0.62), 1);
	view.x = view.y = 20;
	redraw();
}

// Opens what the node is folded into; tells whether there was anything to open.
function reveal(node) {
	let opened = false;
	for (let n = node.parent; n; n = n.parent) {
		opened = opened || !n.open;
		n.open = true;
	}
	return opened;
}

function center(node) {
	if (reveal(node))
		relayOut();
	if (view.scale < 0.5) {
		view.scale = 0.8;
		view.x = 20;
	}
	view.y = Math.min(view.height / 2 - (node.y + BOX / 2) * view.scale, 20);
	clampView();
	showNode(node);
}

function showNode(node) {
	const x = node.x * view.scale + view.x, y = node.y * view.scale + view.y;
	const right = x + widthOf(node) * view.scale, bottom = y + BOX * view.scale;
	if (y < 10)
		view.y += 10 - y;
	else if (bottom > view.height - 10)
		view.y -= bottom - view.height + 10;
	if (x < 10)
		view.x += 10 - x;
	else if (right > view.width - 10)
		view.x -= right - view.width + 10;
	redraw();
}

function toggle(node) {
	if (!node.children.length)
		return;
	node.open = !node.open;
	relayOut();
}

function eachNode(act) {
	const walk = node => {
		act(node);
		node.children.forEach(walk);
	};
	tops.forEach(walk);
}

function setActive(node) {
	activeNode = node;
	svg.setAttribute('aria-activedescendant', `n${node.number}`);
	showNode(node);
	repaint();
}

const treeKeys = {
	ArrowDown: n => setActive(visible[Math.min(visible.indexOf(n) + 1, visible.length - 1)]),
	ArrowUp: n => setActive(visible[Math.max(visible.indexOf(n) - 1, 0)]),
	Home: () => setActive(visible[0]),
	End: () => setActive(visible.at(-1)),
	ArrowRight: n => n.children.length && (n.open ? setActive(n.children[0]) : toggle(n)),
	ArrowLeft: n => n.open && n.children.length ? toggle(n) : n.parent && setActive(n.parent),
};

function treeKey(event) {
	const node = activeNode && visible.includes(activeNode) ? activeNode : visible[0];
	if (event.key === 'Enter' || event.key === ' ')
		node.fn >= 0 ? select(node.fn) : toggle(node);
	else if (event.key === '+' || event.key === '-')
		zoomAt(event.key === '+' ? 1.2 : 1 / 1.2, view.width / 2, view.height / 2);
	else if (event.key === 'f')
		fit();
	else if (treeKeys[event.key])
		treeKeys[event.key](node);
	else
		return;
	event.preventDefault();
}

function nodeAt(target) {
	const g = target.closest('.node');
	return g ? [...drawn].find(([, drawing]) => drawing === g)[0] : null;
}

function measureView() {
	if (view.printing)
		return;
	view.width = svg.clientWidth;
	view.height = svg.clientHeight;
	redraw();
}

function listenTree() {
	let drag = null;
	svg.addEventListener('wheel', event => {
		event.preventDefault();
		const box = svg.getBoundingClientRect();
		if (event.ctrlKey || event.metaKey)
			return zoomAt(Math.exp(-event.deltaY / 300), event.clientX - box.left, event.clientY - box.top);
		view.x -= event.shiftKey ? event.deltaY : event.deltaX;
		view.y -= event.shiftKey ? 0 : event.deltaY;
		clampView();
		redraw();
	}, {passive: false});
	svg.addEventListener('pointerdown', event => {
		drag = {x: event.clientX, y: event.clientY, moved: false};
	});
	svg.addEventListener('pointermove', event => {
		if (!drag)
			return;
		const dx = event.clientX - drag.x, dy = event.clientY - drag.y;
		if (!drag.moved && Math.abs(dx) + Math.abs(dy) < 4)
			return;
		if (!drag.moved)
			svg.setPointerCapture(event.pointerId);
		drag.moved = true;
		svg.classList.add('dragging');
		view.x += dx;
		view.y += dy;
		drag.x = event.clientX;
		drag.y = event.clientY;
		clampView();
		redraw();
	});
	svg.addEventListener('pointerup', event => {
		const moved = drag && drag.moved;
		drag = null;
		svg.classList.remove('dragging');
		const node = moved ? null : nodeAt(event.target);
		if (!node)
			return;
		activeNode = node;
		if (event.target.closest('[data-toggle]') || node.fn < 0)
			toggle(node);
		else
			select(node.fn);
	});
	svg.addEventListener('keydown', treeKey);
	new ResizeObserver(measureView).observe(svg);
}

function startTree() {
	let number = 0;
	eachNode(node => { node.number = number++; });
	layers.all = shape('g');
	for (const name of ['edges', 'paths', 'nodes'])
		layers.all.append(layers[name] = shape('g', {class: name}));
	svg.append(layers.all);
	measureView();
	// what is too much to look at starts closed at its switches
	if (functions.length > 1500)
		eachNode(node => { node.open = node.kind === 'bridge'; });
	layOut();
	listenTree();
	startView();
}
