/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The page's template, as the Makefile puts it together from lib/p2p/page/. */
	.section .rodata
	.global p2pcert_page
	.global p2pcert_page_end
p2pcert_page:
	.incbin "page.html"
p2pcert_page_end:
	.section .note.GNU-stack, "", %progbits
