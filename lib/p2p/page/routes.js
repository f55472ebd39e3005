// SPDX-License-Identifier: LGPL-2.1-or-later
// What is selected, and how it shows on the tree: a function with its answers to all others, or a pair
// with its way.

const state = {
	fn: -1, // the function selected
	forward: true, // it starts transfers; else it owns the memory
	pair: null, // {initiator, target, answer}
	shown: null, // the same, only pointed at
	mode: 'acs',
	words: [], // searched for
};

function answerFor(other) {
	const own = data.class_of[state.fn], its = data.class_of[other];
	if (own < 0 || its < 0 || other === state.fn)
		return null;
	return state.forward ? answerOf(own, its) : answerOf(its, own);
}

// --- colours ----------------------------------------------------------------------------------------

function hue(n) {
	return `hsl(${Math.round(n * 137.508) % 360} var(--hue-sat) var(--hue-light))`;
}

const ordinals = {};

// A number for each different label of a mode, in the order in which they come.
function ordinal(mode, label) {
	const seen = ordinals[mode] = ordinals[mode] || new Map();
	if (!seen.has(label))
		seen.set(label, seen.size);
	return seen.get(label);
}

const acsColors = {
	redirect: ['var(--bad)', 'redirects to the host bridge'], direct: ['var(--good)', 'no redirect'],
	none: ['var(--faint)', 'no ACS: passes directly'], unknown: ['var(--warn)', 'not seen'],
};

function linkColor(node) {
	const link = functions[node.fn].link;
	if (!link)
		return '';
	if (!link.width)
		return 'var(--faint)';
	return betterLink(node.fn) ? 'var(--warn)' : 'var(--good)';
}

// Each gives the colour of a node's stripe, '' for none, and rows of the legend.
const modes = {
	acs: {
		title: 'ACS',
		color: node => (acsColors[acsState(functions[node.fn])] || [''])[0],
		legend: () => Object.values(acsColors),
	},
	group: {
		title: 'IOMMU group',
		color: node => differing.has(node.fn) ? 'var(--bad)' :
			groupOf(functions[node.fn]) ? hue(ordinal('group', groupOf(functions[node.fn]))) : '',
		legend: () => [
			...(differing.size ? [['var(--bad)', 'the kernel groups it otherwise than predicted']] : []),
			['', machine.iommu_in_use === false ? 'no IOMMU is in use' :
				'one colour for each group' + (machine.iommu_in_use === undefined ? ' that is predicted, if an IOMMU is in use' : '')],
		],
	},
	numa: {
		title: 'NUMA node',
		color: node => functions[node.fn].numa_node === undefined ? '' : hue(functions[node.fn].numa_node + 4),
		legend: () => [...new Set(functions.map(f => f.numa_node).filter(n => n !== undefined))].sort((a, b) => a - b)
			.map(n => [hue(n + 4), `node ${n}`]).concat(functions.some(f => f.numa_node === undefined) ? [['', 'no stripe: not known']] : []),
	},
	link: {
		title: 'link',
		color: linkColor,
		legend: () => [['var(--good)', 'as good as both ends can'], ['var(--warn)', 'below what both ends can'], ['var(--faint)', 'down'],
			['', 'lines are as wide as their links']],
	},
	kind: {
		title: 'kind of function',
		color: node => isBridge(functions[node.fn]) ? '' : hue(Object.keys(kindNames).indexOf(kindOf(functions[node.fn])) + 2),
		legend: () => Object.entries(kindNames).map(([, name], n) => [hue(n + 2), name]),
	},
};

function drawLegend() {
	const rows = state.fn >= 0 && data.class_of[state.fn] >= 0 ? Object.entries(verdicts).map(([v, {title, text}]) =>
		element('span', {}, element('span', {class: `chip v-${v}`}, title), ' ' + text)) :
		modes[state.mode].legend().map(([color, text]) => {
			const swatch = color ? element('span', {class: 'swatch'}) : null;
			if (swatch)
				swatch.style.background = color;
			return element('span', {}, swatch, text);
		});
	$('legend').replaceChildren(...rows);
}

// --- the way of a pair ------------------------------------------------------------------------------

function shownPair() {
	return state.shown || state.pair;
}

let onWay = new Set();
let blocking = new Set();

// The node that is drawn for a function, which may be folded into one above.
function drawnNode(i) {
	let node = nodeOf.get(i);
	for (let n = node.parent; n; n = n.parent)
		if (!n.open)
			node = n;
	return node;
}

function drawPaths() {
	const pair = shownPair();
	onWay = new Set();
	blocking = new Set();
	layers.paths.replaceChildren();
	svg.classList.toggle('pinned', Boolean(pair));
	if (!pair)
		return;
	const {up, down, common} = wayOf(pair.initiator, pair.target);
	onWay = new Set([...up, ...down]);
	blocking = new Set(pair.answer.blocked_by);
	// a redirected way turns at the root complex, not at the port that both share
	const turned = blocking.size && common >= 0 ? chainOf(common) : [];
	turned.forEach(i => onWay.add(i));
	const steps = new Set([...onWay].map(drawnNode));
	const all = [];
	for (const node of steps)
		if (node.parent && (steps.has(node.parent) || node.parent.kind !== 'function' && (common < 0 || blocking.size)))
			all.push(shape('path', {class: `path v-${pair.answer.verdict}`, d: elbow(node.parent, node)}));
	layers.paths.replaceChildren(...all);
}

// --- painting ---------------------------------------------------------------------------------------

function verdictClass(node) {
	const pair = shownPair();
	if (pair)
		return node.fn === pair.target || node.fn === pair.initiator ? `v-${pair.answer.verdict}` : '';
	if (state.fn < 0)
		return '';
	// one node for many has a colour if it is that of all
	const members = node.kind === 'stack' ? node.children.map(c => c.fn) : [node.fn];
	const found = new Set(members.map(answerFor).map(answer => answer && answer.verdict));
	const [only] = found;
	return found.size === 1 && only ? `v-${only}` : '';
}

function isDim(node) {
	if (!shownPair() || node.fn === state.fn && node.fn >= 0)
		return false;
	return node.kind === 'bridge' ? !node.children.some(child => onWay.has(child.fn)) :
		!onWay.has(node.fn) && !node.children.some(child => node.kind === 'stack' && onWay.has(child.fn));
}

function classesOf(node) {
	const classes = ['node', node.kind];
	if (node.fn >= 0 || node.kind === 'stack')
		classes.push(verdictClass(node));
	if (node.fn === state.fn && node.fn >= 0)
		classes.push('selected');
	if (blocking.has(node.fn))
		classes.push('blocked');
	else if (onWay.has(node.fn))
		classes.push('way');
	if (isDim(node))
		classes.push('dim');
	if (state.words.length && node.fn >= 0 && matches(node.fn, state.words))
		classes.push('hit');
	if (node === activeNode && document.activeElement === svg)
		classes.push('active');
	return classes.filter(Boolean).join(' ');
}

paintNode = (node, g) => {
	g.setAttribute('class', classesOf(node));
	g.setAttribute('aria-selected', node.fn >= 0 && node.fn === state.fn);
	const stripe = g.querySelector('.stripe');
	const color = node.kind === 'function' ? modes[state.mode].color(node) :
		node.kind === 'stack' ? modes[state.mode].color({fn: node.first}) : '';
	stripe.style.fill = color || 'transparent';
};

function repaintAll() {
	drawPaths();
	repaint();
	drawLegend();
}

function select(i) {
	state.fn = i;
	state.pair = state.shown = null;
	if (data.class_of[i] >= 0)
		state.forward = data.classes[data.class_of[i]].from;
	showPanel('details');
	showDetails();
	repaintAll();
}

function unselect() {
	state.fn = -1;
	state.pair = state.shown = null;
	showDetails();
	repaintAll();
}

// Both ends of a pair that is chosen are shown, also where they were folded away.
function pin(pair) {
	state.pair = pair;
	state.shown = null;
	if (pair && (reveal(nodeOf.get(pair.initiator)) | reveal(nodeOf.get(pair.target))))
		relayOut();
	repaintAll();
}

function point(pair) {
	state.shown = pair;
	drawPaths();
	repaint();
}
