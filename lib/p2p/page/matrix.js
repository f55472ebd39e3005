// SPDX-License-Identifier: LGPL-2.1-or-later
// The matrix of pairs by class. Of its cells only those in view are in the document.

const CELL_W = 34, CELL_H = 26, HEAD_W = 260, HEAD_H = 92;
const MANY_CLASSES = 40;
const matrix = {rows: [], columns: [], at: null, kinds: new Set()};
const cells = new Map();

function kindsHere() {
	return Object.keys(kindNames).filter(kind =>
		data.classes.some(c => kindOf(functions[c.first]) === kind));
}

// The classes that are of a kind that is chosen, and have a function that is searched for.
function chosen() {
	const found = new Set();
	functions.forEach((f, i) => {
		if (data.class_of[i] >= 0 && matches(i, state.words))
			found.add(data.class_of[i]);
	});
	return k => found.has(k) && matrix.kinds.has(kindOf(functions[data.classes[k].first]));
}

function choose() {
	const isShown = chosen();
	matrix.rows = initiators.filter(isShown);
	matrix.columns = targets.filter(isShown);
	matrix.at = null;
	$('reason').replaceChildren(element('p', {class: 'quiet'}, matrix.rows.length && matrix.columns.length ?
		'Point at a cell to see why; arrow keys move.' : 'No pairs: choose more kinds of functions above, or clear the search.'));
	const extent = $('extent');
	extent.style.width = `${HEAD_W + matrix.columns.length * CELL_W + 20}px`;
	extent.style.height = `${HEAD_H + matrix.rows.length * CELL_H + 20}px`;
	$('columns').style.width = `${matrix.columns.length * CELL_W}px`;
	$('matrix').setAttribute('aria-rowcount', matrix.rows.length);
	$('matrix').setAttribute('aria-colcount', matrix.columns.length);
	clearCells();
	drawMatrix();
}

function clearCells() {
	cells.clear();
	for (const id of ['cells', 'rows', 'columns'])
		$(id).replaceChildren();
}

function rangeInView() {
	const box = $('matrix');
	const clip = (from, to, n) => [Math.max(Math.floor(from) - 2, 0), Math.min(Math.ceil(to) + 2, n)];
	return {
		rows: clip(box.scrollTop / CELL_H, (box.scrollTop + box.clientHeight) / CELL_H, matrix.rows.length),
		columns: clip(box.scrollLeft / CELL_W, (box.scrollLeft + box.clientWidth) / CELL_W, matrix.columns.length),
	};
}

function drawCell(r, c) {
	const answer = answerOf(matrix.rows[r], matrix.columns[c]);
	const run = measuredOf(matrix.rows[r], matrix.columns[c]), move = worstMove(run);
	const cell = element('div', {role: 'gridcell', id: `c${r}-${c}`, 'data-row': r, 'data-column': c, ...measuredMark(run),
		class: answer ? `cell v-${answer.verdict}` : 'cell none',
		'aria-label': `${classTitle(matrix.rows[r])} to ${classTitle(matrix.columns[c])}: ${answer ? answer.verdict : 'no pair'}${move ? `; ${moves[move].text}` : ''}`,
	}, cellText(answer));
	cell.style.left = `${c * CELL_W}px`;
	cell.style.top = `${r * CELL_H}px`;
	return cell;
}

function drawHeads(rows, columns) {
	const heads = [];
	for (let r = rows[0]; r < rows[1]; r++) {
		const f = functions[data.classes[matrix.rows[r]].first];
		const head = element('div', {class: 'row', role: 'rowheader', title: `${classTitle(matrix.rows[r])} ${nameOf(f)}`},
			element('b', {}, classTitle(matrix.rows[r])), nameOf(f));
		head.style.top = `${r * CELL_H}px`;
		heads.push(head);
	}
	$('rows').replaceChildren(...heads);
	heads.length = 0;
	for (let c = columns[0]; c < columns[1]; c++) {
		const k = matrix.columns[c];
		const more = data.classes[k].functions;
		const head = element('div', {class: 'column', role: 'columnheader', title: `${classTitle(k)} ${nameOf(functions[data.classes[k].first])}`},
			addressOf(data.classes[k].first) + (more > 1 ? ` +${more - 1}` : ''));
		head.style.left = `${c * CELL_W}px`;
		heads.push(head);
	}
	$('columns').replaceChildren(...heads);
}

function drawMatrix(everything) {
	const {rows, columns} = everything ? {rows: [0, matrix.rows.length], columns: [0, matrix.columns.length]} : rangeInView();
	const wanted = new Set();
	for (let r = rows[0]; r < rows[1]; r++)
		for (let c = columns[0]; c < columns[1]; c++) {
			const key = r * matrix.columns.length + c;
			wanted.add(key);
			if (!cells.has(key)) {
				const cell = drawCell(r, c);
				cells.set(key, cell);
				$('cells').append(cell);
			}
		}
	for (const [key, cell] of cells)
		if (!wanted.has(key)) {
			cell.remove();
			cells.delete(key);
		}
	drawHeads(rows, columns);
	markCell();
}

function markCell() {
	document.querySelectorAll('.cell.on').forEach(e => e.classList.remove('on'));
	if (!matrix.at)
		return;
	const cell = $(`c${matrix.at.r}-${matrix.at.c}`);
	if (cell)
		cell.classList.add('on');
	$('matrix').setAttribute('aria-activedescendant', `c${matrix.at.r}-${matrix.at.c}`);
}

function pairAt(r, c) {
	const from = matrix.rows[r], to = matrix.columns[c];
	const answer = answerOf(from, to);
	if (!answer)
		return null;
	const [initiator, target] = membersFor(from, to);
	return {initiator, target, answer};
}

function pointAt(r, c) {
	matrix.at = {r, c};
	markCell();
	const pair = pairAt(r, c), from = matrix.rows[r], to = matrix.columns[c];
	if (!pair) {
		$('reason').replaceChildren(element('p', {}, `${classTitle(from)} and ${classTitle(to)}: no such pair`));
		return;
	}
	$('reason').replaceChildren(...explain(pair, `${classTitle(from)} \u2192 ${classTitle(to)}`),
		...measuredTexts(measuredOf(from, to)),
		element('p', {}, element('button', {onclick: () => showOnTree(pair)}, 'Show on the tree')));
}

function showOnTree(pair) {
	state.fn = pair.initiator;
	state.forward = true;
	showView('tree');
	pin(pair);
	showDetails();
	center(nodeOf.get(pair.initiator));
}

function scrollToCell(r, c) {
	const box = $('matrix');
	const left = c * CELL_W, top = r * CELL_H;
	box.scrollLeft = Math.min(Math.max(box.scrollLeft, left - box.clientWidth + HEAD_W + CELL_W + 20), left);
	box.scrollTop = Math.min(Math.max(box.scrollTop, top - box.clientHeight + HEAD_H + CELL_H + 20), top);
	drawMatrix();
}

const matrixKeys = {ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1]};

function matrixKey(event) {
	if (!matrix.rows.length || !matrix.columns.length)
		return;
	if (event.key === 'Enter' && matrix.at) {
		const pair = pairAt(matrix.at.r, matrix.at.c);
		if (pair)
			showOnTree(pair);
		return;
	}
	const step = matrixKeys[event.key];
	if (!step)
		return;
	event.preventDefault();
	const at = matrix.at || {r: -step[0], c: -step[1]};
	const r = Math.min(Math.max(at.r + step[0], 0), matrix.rows.length - 1);
	const c = Math.min(Math.max(at.c + step[1], 0), matrix.columns.length - 1);
	scrollToCell(r, c);
	pointAt(r, c);
}

function cellFrom(event) {
	const cell = event.target.closest('.cell');
	return cell ? [Number(cell.dataset.row), Number(cell.dataset.column)] : null;
}

function startMatrix() {
	const here = kindsHere();
	const likely = here.filter(kind => kind !== 'other');
	matrix.kinds = new Set(data.classes.length > MANY_CLASSES && likely.length ? likely : here);
	for (const kind of here) {
		const n = functions.filter((f, i) => data.class_of[i] >= 0 && kindOf(f) === kind).length;
		const chip = element('button', {'aria-pressed': matrix.kinds.has(kind), 'data-kind': kind, onclick: () => {
			matrix.kinds.has(kind) ? matrix.kinds.delete(kind) : matrix.kinds.add(kind);
			chip.setAttribute('aria-pressed', matrix.kinds.has(kind));
			choose();
		}}, `${kindNames[kind]} ${n}`);
		$('kinds').append(chip);
	}
	$('key').append(...Object.entries(verdicts).map(([v, {letter, title, text}]) => element('span', {},
		element('span', {class: `chip v-${v}`}, letter), ` ${title}: ${text}`)),
		element('span', {}, 'the number is the kernel\u2019s distance'));
	if (measured.size)
		$('key').append(...Object.values(moves).map(({sign, text}) => element('span', {},
			element('span', {class: 'chip'}, sign), ` ${text}`)), element('span', {}, 'framed: prediction, ruling and data differ'));
	$('matrix').addEventListener('scroll', () => requestAnimationFrame(() => view.printing || drawMatrix()));
	$('matrix').addEventListener('keydown', matrixKey);
	$('cells').addEventListener('pointerover', event => {
		const at = cellFrom(event);
		if (at)
			pointAt(...at);
	});
	$('cells').addEventListener('click', event => {
		const at = cellFrom(event);
		if (at)
			pointAt(...at);
	});
	new ResizeObserver(() => view.printing || drawMatrix()).observe($('matrix'));
	choose();
}
