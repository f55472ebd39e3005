// SPDX-License-Identifier: LGPL-2.1-or-later
// What a run has added to the predictions: how the kernel ruled on pairs, and what became of bytes that
// were to be moved. Without a report there is nothing of it.

const moves = {
	wrong: {sign: '!', text: 'wrong data arrived'},
	unclear: {sign: '?', text: 'not clear what became of it'},
	right: {sign: '+', text: 'the right data arrived'},
	refused: {sign: '\u00d7', text: 'refused, as it has to be'},
};
const measured = new Map(); // by classes

for (const pair of data.measured || []) {
	const from = data.class_of[indexOf.get(pair.initiator)], to = data.class_of[indexOf.get(pair.target)];
	if (from >= 0 && to >= 0)
		place(measured, `${from} ${to}`, pair);
}

function measuredOf(from, to) {
	return measured.get(`${from} ${to}`) || [];
}

// The worst that came of any of them, or undefined.
function worstMove(pairs) {
	return Object.keys(moves).find(outcome => pairs.some(p => p.moved.some(m => m.outcome === outcome)));
}

function ruledText(ruled) {
	const said = ruled.verdict ? verdicts[ruled.verdict].title : ruled.supported === undefined ? 'no answer' :
		ruled.supported ? 'supported' : 'not supported';
	return `${said}${ruled.distance === undefined ? '' : `, distance ${ruled.distance}`}` +
		(ruled.map_errno ? `, mapping fails with ${ruled.map_errno}` : '');
}

function movedText(moved) {
	return moved.length ? moved.map(m => `${moves[m.outcome].text} (${m.scenario}${m.by ? ` by ${m.by}` : ''})`).join('; ') :
		'nothing';
}

// What was measured of pairs, a paragraph each; the worst first.
function measuredTexts(pairs) {
	const order = Object.keys(moves);
	const rank = p => p.differs.length ? -1 : order.indexOf(worstMove([p]) || 'refused');
	return [...pairs].sort((a, b) => rank(a) - rank(b)).slice(0, 8).map(p => element('p', {class: p.differs.length ? 'loud measured' : 'measured'},
		element('b', {class: 'mono'}, `${shortAddress(p.initiator)} \u2192 ${shortAddress(p.target)}`),
		` ruled: ${ruledText(p.ruled)}; moved: ${movedText(p.moved)}`));
}

// To the attributes of a cell, what shows it.
function measuredMark(pairs) {
	const worst = worstMove(pairs), out = {};
	if (worst)
		out['data-moved'] = moves[worst].sign;
	if (pairs.some(p => p.differs.length))
		out['data-differs'] = '';
	return out;
}
