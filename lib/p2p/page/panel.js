// SPDX-License-Identifier: LGPL-2.1-or-later
// The panel at the side: a function's details and routes, and what was found about the machine.

const ROUTES_AT_ONCE = 60;

// What is known of a pair, in paragraphs.
function explain(pair, title) {
	const {answer} = pair;
	const out = [element('p', {}, element('b', {class: 'mono'}, title || `${addressOf(pair.initiator)} \u2192 ${addressOf(pair.target)}`), ' ',
		element('span', {class: `chip v-${answer.verdict}`}, verdicts[answer.verdict].title),
		` route ${answer.route}${answer.distance >= 0 ? `, distance ${answer.distance}` : ''}`),
	element('p', {class: 'why'}, answer.reason)];
	if (answer.blocked_by.length)
		out.push(element('p', {}, 'blocked by ', ...answer.blocked_by.map(link)));
	return out.concat(answer.notes.map(note => element('p', {class: 'quiet'}, `note: ${note}`)));
}

// An address that leads to its function.
function link(i) {
	return element('button', {class: 'link', onclick: () => {
		showView('tree');
		select(i);
		center(nodeOf.get(i));
	}}, addressOf(i));
}

function sizeText(bytes) {
	const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
	let u = 0;
	for (; u < 5 && bytes >= 1024 && bytes % 1024 === 0; u++)
		bytes /= 1024;
	return `${bytes} ${units[u]}`;
}

function barsText(f) {
	return f.bars.map(b => `${b.index === undefined ? '' : b.index + ': '}${b.kind}${b.prefetchable ? ' prefetchable' : ''}` +
		`${b.size ? ' ' + sizeText(b.size) : ''}${b.start ? ' at ' + b.start : ''}`).join('\n');
}

function rowsOf(i) {
	const f = functions[i], better = betterLink(i);
	const up = parentOf(i);
	return [
		['type', typeOf(f) + (f.multifunction ? ', of several functions' : '')],
		['driver', f.driver],
		['vendor:device', f.vendor && `${f.vendor.slice(2)}:${f.device.slice(2)}`],
		['class', f.class && f.class.slice(2)],
		['link', f.link && !f.physical_function && linkText(f.link) +
			(better ? `, both ends can do x${better.width} ${speeds[better.generation]} GT/s` : '')],
		['ACS', acsText(f) + (f.acs.quirk ? `; the kernel goes by its quirk ${f.acs.quirk}` : '')],
		['IOMMU group', f.iommu_group === undefined ? (machine.iommu_in_use === false ? 'no IOMMU is in use' : undefined) :
			`${f.iommu_group}${f.iommu_type ? ' ' + f.iommu_type : ''}`],
		['predicted group', f.iommu_group_predicted ? `with ${shortAddress(f.iommu_group_predicted)}` : f.iommu_group_reason],
		['NUMA node', f.numa_node],
		['bridge above', up >= 0 ? link(up) : f.on_root_bus ? 'none: on a root bus' : 'not seen'],
		['physical', f.physical_function && (indexOf.has(f.physical_function) ? link(indexOf.get(f.physical_function)) : f.physical_function)],
		['buses below', isBridge(f) ? `${f.secondary_bus.toString(16).padStart(2, '0')} to ${f.subordinate_bus.toString(16).padStart(2, '0')}` : undefined],
		['BARs', f.bars.length ? barsText(f) : undefined],
		['DMA mask', f.dma_mask_bits && `${f.dma_mask_bits} bits`],
		['memory', f.memory_bytes && sizeText(f.memory_bytes)],
		['P2P memory', f.p2pmem && `${sizeText(f.p2pmem.size)}${f.p2pmem.published ? ', published' : ', private'}`],
		['config space', `${f.config_bytes} bytes seen`],
	].filter(([, value]) => value !== undefined && value !== null && value !== '' && value !== false);
}

function factsOf(i) {
	const list = element('dl');
	for (const [name, value] of rowsOf(i)) {
		const text = element('dd', {}, ...(name === 'BARs' ? value.split('\n').map(line => element('div', {class: 'mono'}, line)) :
			[value instanceof Node ? value : String(value)]));
		list.append(element('dt', {}, name), text);
	}
	return list;
}

// What is left of the document's record: registers as they were seen, folded up.
const SHOWN_ABOVE = new Set(['acs', 'link', 'bars', 'p2pmem', 'capabilities']);

function restOf(i) {
	const f = functions[i];
	const groups = Object.entries(f).filter(([name, value]) => typeof value === 'object' && !SHOWN_ABOVE.has(name));
	if (!groups.length)
		return [];
	const list = element('dl', {class: 'registers'});
	const put = (name, value) => {
		if (value !== null && typeof value === 'object')
			return Object.entries(value).forEach(([key, inner]) => put(`${name} ${key}`, inner));
		list.append(element('dt', {}, name.replaceAll('_', ' ')), element('dd', {class: 'mono'}, String(value)));
	};
	groups.forEach(([name, value]) => put(name, value));
	return [element('details', {}, element('summary', {}, 'Registers'), list)];
}

// What other tools call ACS here, beside what it does to the pairs that pass.
function acsTable(i) {
	const r = data.acs[i];
	if (!r)
		return [];
	const onOff = {yes: 'on', no: 'off', unknown: 'unknown'};
	const table = element('table', {class: 'acs'});
	const row = (name, value, why) => table.append(element('tr', {}, element('th', {}, name),
		element('td', {}, value + ' ', element('span', {class: 'quiet'}, why))));
	row('kernel', {yes: 'redirects', no: 'direct', unknown: 'unknown'}[r.linux], 'RR, CR or EC');
	row('gpud', onOff[r.gpud], 'SV');
	if (r.nvidia_fs)
		row('nvidia-fs', onOff[r.nvidia_fs], 'any bit of a bridge');
	if (r.rdma_topo)
		row('rdma_topo', {yes: 'fits', no: 'does not fit', unknown: 'unknown'}[r.rdma_topo_fits], r.rdma_topo);
	return [element('h3', {}, 'ACS as tools take it'), table, element('p', {class: 'quiet'}, r.pairs ?
		`${r.pairs} ordered pairs that share a port pass here: for them the kernel\u2019s rule decides.` :
		'No pair depends on it: nothing that passes here shares a port below the host bridge.')];
}

function routeButton(k, pair) {
	const b = element('button', {class: 'route', 'data-class': k, 'aria-pressed': false, onclick: () => {
		const on = b.getAttribute('aria-pressed') === 'true';
		document.querySelectorAll('.route[aria-pressed=true]').forEach(e => e.setAttribute('aria-pressed', false));
		b.setAttribute('aria-pressed', !on);
		pin(on ? null : pair);
		$('because').replaceChildren(...(on ? [] : explain(pair)));
		$('because').hidden = on;
	}}, element('span', {class: `chip v-${pair.answer.verdict}`}, cellText(pair.answer)),
	element('span', {class: 'mono'}, classTitle(k)),
	element('span', {class: 'what'}, nameOf(functions[data.classes[k].first])));
	for (const event of ['pointerenter', 'focus'])
		b.addEventListener(event, () => point(pair));
	for (const event of ['pointerleave', 'blur'])
		b.addEventListener(event, () => point(null));
	return b;
}

const verdictOrder = Object.keys(verdicts);

function routesOf(i) {
	const own = data.class_of[i];
	const out = [];
	for (const k of state.forward ? targets : initiators) {
		const answer = state.forward ? answerOf(own, k) : answerOf(k, own);
		if (!answer)
			continue;
		const c = data.classes[k];
		const other = k === own && c.first === i ? c.second : c.first;
		out.push({k, pair: {initiator: state.forward ? i : other, target: state.forward ? other : i, answer}});
	}
	const rank = r => verdictOrder.indexOf(r.pair.answer.verdict) * 1000 + (r.pair.answer.distance || 0);
	return out.sort((a, b) => rank(a) - rank(b));
}

function routesPanel(i) {
	const k = data.class_of[i];
	if (k < 0)
		return [];
	const list = routesOf(i), count = {};
	for (const {k: other, pair} of list)
		count[pair.answer.verdict] = (count[pair.answer.verdict] || 0) + data.classes[other].functions - (other === k);
	const routes = element('div', {id: 'routes'});
	const more = element('button', {onclick: () => show(list.length)});
	const show = n => {
		routes.replaceChildren(...list.slice(0, n).map(r => routeButton(r.k, r.pair)));
		more.hidden = n >= list.length;
		more.textContent = `Show all ${list.length}`;
	};
	show(ROUTES_AT_ONCE);
	const both = data.classes[k].from && data.classes[k].to;
	return [element('h3', {}, state.forward ? 'It starts transfers to' : 'Its memory is reached from'),
		both ? element('button', {id: 'turn', onclick: () => {
			state.forward = !state.forward;
			state.pair = null;
			showDetails();
			repaintAll();
		}}, state.forward ? 'Show who reaches its memory' : 'Show what it starts') : null,
		element('p', {}, ...Object.entries(count).filter(([, n]) => n).flatMap(([v, n]) =>
			[element('span', {class: `chip v-${v}`}, `${verdicts[v].title} ${n}`), ' '])),
		element('div', {class: 'because', id: 'because', hidden: '', 'aria-live': 'polite'}), routes, more].filter(Boolean);
}

function showDetails() {
	const panel = $('details');
	if (state.fn < 0) {
		panel.replaceChildren(element('p', {class: 'quiet'}, 'Choose a function on the tree to see what is known of it, and what it can exchange data with.'),
			...summary());
		return;
	}
	const f = functions[state.fn];
	panel.replaceChildren(element('h2', {}, f.address), element('p', {}, nameOf(f)),
		...(differing.has(state.fn) ? [element('p', {class: 'loud'}, 'The kernel has it in another IOMMU group than its ACS promises.')] : []),
		factsOf(state.fn), ...restOf(state.fn), ...acsTable(state.fn), ...routesPanel(state.fn));
	if (state.pair) {
		$('because').replaceChildren(...explain(state.pair));
		$('because').hidden = false;
	}
	panel.scrollTop = 0;
}

function summary() {
	const n = kind => functions.filter((f, i) => data.class_of[i] >= 0 && kindOf(f) === kind).length;
	const list = element('dl');
	const row = (name, value) => list.append(element('dt', {}, name), element('dd', {}, String(value)));
	row('functions', functions.length);
	row('host bridges', machine.host_bridges.length);
	for (const [kind, name] of Object.entries(kindNames))
		if (n(kind))
			row(name, n(kind));
	row('ports that redirect', functions.filter(f => isBridge(f) && acsState(f) === 'redirect').length);
	if (differing.size)
		row('groups not as predicted', `${differing.size} functions`);
	row('rules of', `Linux ${data.rules}`);
	return [element('h3', {}, 'Machine'), list];
}

// --- findings ---------------------------------------------------------------------------------------

function findingCard(f) {
	const known = f.functions.filter(a => indexOf.has(a)).map(a => indexOf.get(a));
	const more = (f.count || known.length) - known.length;
	return element('article', {class: 'finding'},
		element('span', {class: `chip ${f.severity}`}, f.severity), ' ', element('span', {class: 'mono'}, f.code),
		element('h4', {}, f.title), element('p', {}, f.text),
		f.next ? element('p', {}, element('b', {}, 'Next: '), f.next) : null,
		known.length ? element('p', {}, ...known.slice(0, 24).map(link), known.length > 24 || more > 0 ?
			`and ${known.length - Math.min(known.length, 24) + Math.max(more, 0)} more` : null) : null,
		f.reference ? element('p', {class: 'quiet'}, f.reference) : null);
}

function startFindings() {
	const worst = data.findings.filter(f => f.severity === 'blocker' || f.severity === 'major').length;
	$('tab-findings').append(element('span', {class: worst ? 'count bad' : 'count'}, String(data.findings.length)));
	$('findings').append(...(data.findings.length ? data.findings.map(findingCard) :
		[element('p', {class: 'quiet'}, 'The static checks found nothing.')]));
	if (machine.gaps.length)
		$('findings').append(element('h3', {}, 'Not seen'), ...machine.gaps.map(g =>
			element('p', {}, element('span', {class: 'mono'}, g.subject), `: ${g.text}`)));
}
