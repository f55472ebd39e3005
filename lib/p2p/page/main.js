// SPDX-License-Identifier: LGPL-2.1-or-later
// Puts the parts together: views, search, keys of the whole page, printing.

function showTab(list, name, prefix) {
	for (const tab of $(list).children) {
		const on = tab.id === `tab-${name}`;
		tab.setAttribute('aria-selected', on);
		tab.tabIndex = on ? 0 : -1;
		$(tab.getAttribute('aria-controls')).hidden = !on;
	}
}

function showView(name) {
	showTab('views', name);
	if (name === 'pairs')
		drawMatrix();
	else
		measureView();
}

function showPanel(name) {
	showTab('panels', name);
}

function tabKeys(event) {
	const tabs = [...event.currentTarget.children];
	const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
	if (!step)
		return;
	const next = tabs[(tabs.indexOf(event.target) + step + tabs.length) % tabs.length];
	next.click();
	next.focus();
}

function search(event) {
	state.words = $('search').value.toLowerCase().split(/\s+/).filter(Boolean);
	const found = state.words.length ? functions.map((f, i) => i).filter(i => matches(i, state.words)) : [];
	$('found').textContent = state.words.length ? String(found.length) : '';
	choose();
	repaint();
	if (event.type === 'keydown' && found.length) {
		// each Enter goes to the next
		const at = (found.indexOf(state.fn) + 1) % found.length;
		showView('tree');
		select(found[at]);
		center(nodeOf.get(found[at]));
	}
}

function pageKey(event) {
	if (event.target.matches('input, select'))
		return;
	if (event.key === '/') {
		event.preventDefault();
		$('search').focus();
	} else if (event.key === 'Escape') {
		unselect();
	}
}

// On paper all of the tree is shown that is open, and all of a matrix that is not too large.
const PRINTED_WIDTH = 1000, MANY_CELLS = 10000;
let beforePrinting = null;

function beforePrint() {
	beforePrinting = {...view};
	Object.assign(view, {x: 10, y: 10, scale: 1, width: totalWidth, height: totalHeight + 20, printing: true});
	svg.setAttribute('viewBox', `0 0 ${totalWidth} ${totalHeight + 20}`);
	draw();
	const box = $('matrix'), width = HEAD_W + matrix.columns.length * CELL_W;
	if (matrix.rows.length * matrix.columns.length > MANY_CELLS)
		return;
	box.style.height = `${HEAD_H + matrix.rows.length * CELL_H}px`;
	box.style.zoom = Math.min(1, PRINTED_WIDTH / width);
	drawMatrix(true);
}

function afterPrint() {
	svg.removeAttribute('viewBox');
	$('matrix').style.height = $('matrix').style.zoom = '';
	Object.assign(view, beforePrinting);
	measureView();
	drawMatrix();
}

function describe() {
	const {kernel, cpu, source} = machine;
	$('machine').textContent = source.path ? source.path.split('/').pop() : 'This machine';
	document.title = `${$('machine').textContent}: p2pcert topo`;
	$('facts').textContent = [`${functions.length} functions`, kernel.release && `Linux ${kernel.release}`, cpu && cpu.name,
		machine.iommu_in_use === undefined ? 'IOMMU unknown' : machine.iommu_in_use ? 'IOMMU in use' : 'no IOMMU in use',
		`rules of Linux ${data.rules}`].filter(Boolean).join('  \u00b7  ');
}

function start() {
	describe();
	for (const [name, {title}] of Object.entries(modes))
		$('mode').append(element('option', {value: name}, title));
	$('mode').addEventListener('change', () => {
		state.mode = $('mode').value;
		repaintAll();
	});
	startTree();
	startMatrix();
	startFindings();
	showDetails();
	drawLegend();
	for (const [id, act] of [['views', showView], ['panels', showPanel]])
		for (const tab of $(id).children)
			tab.addEventListener('click', () => act(tab.id.slice(4)));
	for (const id of ['views', 'panels'])
		$(id).addEventListener('keydown', tabKeys);
	$('zoom-in').addEventListener('click', () => zoomAt(1.25, view.width / 2, view.height / 2));
	$('zoom-out').addEventListener('click', () => zoomAt(0.8, view.width / 2, view.height / 2));
	$('fit').addEventListener('click', fit);
	$('expand').addEventListener('click', () => {
		eachNode(node => { node.open = true; });
		relayOut();
	});
	$('collapse').addEventListener('click', () => {
		eachNode(node => { node.open = node.kind === 'bridge'; });
		relayOut();
		startView();
	});
	$('search').addEventListener('input', search);
	$('search').addEventListener('keydown', event => {
		if (event.key === 'Enter')
			search(event);
		if (event.key === 'Escape')
			$('search').blur();
	});
	document.addEventListener('keydown', pageKey);
	svg.addEventListener('focus', repaint);
	svg.addEventListener('blur', repaint);
	window.addEventListener('beforeprint', beforePrint);
	window.addEventListener('afterprint', afterPrint);
	document.body.dataset.ready = 'yes';
}

start();
