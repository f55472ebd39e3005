// SPDX-License-Identifier: LGPL-2.1-or-later
'use strict';
// What the page shows: the data, the tree of nodes made of it, and answers for pairs. Text from the
// machine reaches the page as textContent only.

const data = JSON.parse(document.getElementById('data').textContent);
const machine = data.document;
const functions = machine.functions;
const indexOf = new Map(functions.map((f, i) => [f.address, i]));
const manyDomains = functions.some(f => !f.address.startsWith('0000:'));
const differing = new Set(data.groups_differ);

const shortAddress = a => manyDomains ? a : a.slice(5);
const addressOf = i => shortAddress(functions[i].address);

function $(id) {
	return document.getElementById(id);
}

// element('p', {class: 'quiet'}, 'text', child...)
function element(tag, attributes, ...children) {
	const e = document.createElement(tag);
	for (const [name, value] of Object.entries(attributes || {}))
		if (name === 'onclick')
			e.addEventListener('click', value);
		else
			e.setAttribute(name, value);
	e.append(...children.filter(c => c !== null && c !== undefined));
	return e;
}

// --- words ----------------------------------------------------------------------------------------

const speeds = ['', '2.5', '5', '8', '16', '32', '64', '128'];
const acsBits = [['SV', 'source validation'], ['TB', 'translation blocking'],
	['RR', 'request redirect'], ['CR', 'completion redirect'], ['UF', 'upstream forwarding'],
	['EC', 'egress control'], ['DT', 'direct translated']];
const REDIRECT = 0x2c; // RR, CR, EC

const verdicts = {
	'bus-address': {letter: 'D', title: 'direct', text: 'stays below the port that both share'},
	'host-bridge': {letter: 'H', title: 'host bridge', text: 'through the host bridge'},
	'not-supported': {letter: 'x', title: 'not supported', text: 'the kernel refuses to map it'},
	'unknown': {letter: '?', title: 'unknown', text: 'what decides was not seen'},
};

const typeNames = {
	'root-port': 'root port', 'upstream-port': 'upstream port', 'downstream-port': 'downstream port',
	'pcie-to-pci-bridge': 'PCIe-PCI bridge', 'rc-integrated-endpoint': 'integrated',
	'rc-event-collector': 'event collector', 'conventional': 'PCI',
};

function typeOf(f) {
	if (f.physical_function)
		return 'virtual function';
	return typeNames[f.port_type] || (f.port_type || '').replaceAll('-', ' ') || 'function';
}

function isBridge(f) {
	return f.secondary_bus !== undefined;
}

function nameOf(f) {
	return f.name || (f.vendor ? `${f.vendor.slice(2)}:${f.device.slice(2)}` : '');
}

const kindNames = {gpu: 'GPU, accelerator', nic: 'network', storage: 'storage', other: 'other'};

function kindOf(f) {
	switch ((f.class || '').slice(2, 4)) {
	case '03': case '12': return 'gpu';
	case '02': return 'nic';
	case '01': return 'storage';
	default: return 'other';
	}
}

function linkText(link) {
	if (!link)
		return '';
	return link.width ? `x${link.width} ${speeds[link.generation] || '?'} GT/s` : 'link down';
}

function parentOf(i) {
	const up = functions[i].upstream;
	return up === undefined ? -1 : indexOf.get(up);
}

// The best that both ends of the link can do, or null if the link has it or is not known.
function betterLink(i) {
	const f = functions[i], up = parentOf(i);
	if (!f.link || !f.link.width || f.physical_function ||
	    f.port_type === 'root-port' || f.port_type === 'downstream-port')
		return null;
	let width = f.link.max_width, generation = f.link.max_generation;
	if (up >= 0 && functions[up].link && functions[up].link.max_width) {
		width = Math.min(width, functions[up].link.max_width);
		generation = Math.min(generation, functions[up].link.max_generation);
	}
	return f.link.width < width || f.link.generation < generation ? {width, generation} : null;
}

// 'redirect', 'direct', 'none', 'unknown', or '' where there is nothing to say
function acsState(f) {
	if (!f.acs.known)
		return isBridge(f) ? 'unknown' : '';
	if (!f.acs.present)
		return isBridge(f) ? 'none' : '';
	return parseInt(f.acs.control, 16) & REDIRECT ? 'redirect' : 'direct';
}

function acsText(f) {
	if (!f.acs.known)
		return 'not seen';
	if (!f.acs.present)
		return 'none';
	const control = parseInt(f.acs.control, 16);
	const on = acsBits.filter((b, n) => control & 1 << n).map(b => b[0]);
	return `${control & REDIRECT ? 'redirect' : 'no redirect'}${on.length ? ': ' + on.join(' ') : ''}`;
}

function groupOf(f) {
	if (f.iommu_group !== undefined)
		return String(f.iommu_group);
	return f.iommu_group_predicted !== undefined && machine.iommu_in_use === undefined ?
		'~' + shortAddress(f.iommu_group_predicted) : '';
}

// --- the tree ---------------------------------------------------------------------------------------

const MANY_ALIKE = 3;
const nodeOf = new Map(); // by index of function

function newNode(kind, parent, more) {
	return {kind, parent, children: [], open: true, depth: parent ? parent.depth + 1 : 0, fn: -1, ...more};
}

// Leaves that no pair tells apart, and the parts of a chipset, which are no device to look for.
function isAlike(a, b) {
	const one = functions[a], other = functions[b];
	if (childrenOf.has(a) || childrenOf.has(b))
		return false;
	const part = f => f.on_root_bus && !isBridge(f) && kindOf(f) === 'other';
	return data.class_of[a] >= 0 && data.class_of[a] === data.class_of[b] || part(one) && part(other);
}

// Many in a row that are alike become one node, which can be opened.
function stacked(members) {
	const out = [];
	for (let i = 0; i < members.length;) {
		let end = i + 1;
		while (end < members.length && isAlike(members[i], members[end]))
			end++;
		if (end - i < MANY_ALIKE)
			end = i + 1;
		out.push(members.slice(i, end));
		i = end;
	}
	return out;
}

function addNodes(parent, members) {
	for (const run of stacked(members)) {
		let above = parent;
		if (run.length > 1) {
			above = newNode('stack', parent, {open: false, first: run[0], size: run.length});
			parent.children.push(above);
		}
		for (const fn of run) {
			const node = newNode('function', above, {fn});
			nodeOf.set(fn, node);
			above.children.push(node);
			addNodes(node, childrenOf.get(fn) || []);
			// virtual functions are many, and mostly alike
			if (node.children.length && node.children.every(n => n.fn < 0 || functions[n.fn].physical_function))
				node.open = false;
		}
	}
}

// Functions directly below each function; virtual ones below their physical one, if it is there.
const childrenOf = new Map();
const onRoot = new Map(); // by host bridge

function place(map, key, i) {
	if (!map.has(key))
		map.set(key, []);
	map.get(key).push(i);
}

function buildTree() {
	functions.forEach((f, i) => {
		const pf = f.physical_function === undefined ? undefined : indexOf.get(f.physical_function);
		if (pf !== undefined)
			place(childrenOf, pf, i);
		else if (f.upstream !== undefined)
			place(childrenOf, indexOf.get(f.upstream), i);
		else
			place(onRoot, f.on_root_bus ? f.address.slice(0, f.address.indexOf(':') + 3) : '', i);
	});
	const tops = machine.host_bridges.map(hb => {
		const top = newNode('bridge', null, {title: `host bridge ${shortAddress(hb.address + ':').slice(0, -1)}`,
			numa: hb.numa_node});
		addNodes(top, onRoot.get(hb.address) || []);
		return top;
	});
	if (onRoot.has('')) {
		const top = newNode('bridge', null, {title: 'bridge not seen'});
		addNodes(top, onRoot.get(''));
		tops.push(top);
	}
	return tops.filter(t => t.children.length);
}

const tops = buildTree();

// --- pairs ------------------------------------------------------------------------------------------

const targets = data.classes.map((c, k) => k).filter(k => data.classes[k].to);
const initiators = data.classes.map((c, k) => k).filter(k => data.classes[k].from);
const columnOf = new Map(targets.map((k, column) => [k, column]));
const unfolded = new Map();

// The answers from a class, one for each of targets.
function rowOf(k) {
	if (!unfolded.has(k)) {
		const row = new Int32Array(targets.length), runs = data.rows[k];
		for (let i = 0, at = 0; i < runs.length; i += 2) {
			row.fill(runs[i + 1], at, at + runs[i]);
			at += runs[i];
		}
		unfolded.set(k, row);
	}
	return unfolded.get(k);
}

// null: there is no such pair
function answerOf(from, to) {
	const column = columnOf.get(to);
	const n = column === undefined ? -1 : rowOf(from)[column];
	return n < 0 ? null : data.answers[n];
}

function cellText(answer) {
	if (!answer)
		return '.';
	const v = verdicts[answer.verdict];
	return answer.verdict === 'bus-address' || answer.verdict === 'host-bridge' ?
		v.letter + answer.distance : v.letter;
}

// Two functions that stand for a pair of classes.
function membersFor(from, to) {
	const second = from === to ? data.classes[to].second : data.classes[to].first;
	return [data.classes[from].first, second];
}

function chainOf(i) {
	const chain = [];
	for (; i >= 0 && i !== undefined; i = parentOf(i))
		chain.push(i);
	return chain;
}

// Up from the initiator to what both share, or to the root bus, and down to the target.
function wayOf(initiator, target) {
	const up = chainOf(initiator), down = chainOf(target);
	const common = up.find(i => down.includes(i));
	if (common === undefined)
		return {up, down: down.reverse(), common: -1};
	return {up: up.slice(0, up.indexOf(common) + 1), down: down.slice(0, down.indexOf(common)).reverse(), common};
}

function classTitle(k) {
	const c = data.classes[k];
	return addressOf(c.first) + (c.functions > 1 ? ` and ${c.functions - 1} more` : '');
}

const haystack = functions.map(f =>
	[f.address, f.name, f.driver, f.vendor, f.device, typeOf(f)].filter(Boolean).join(' ').toLowerCase());

function matches(i, words) {
	return words.every(w => haystack[i].includes(w));
}
