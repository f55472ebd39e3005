/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small platforms for tests. */
#include "model.h"

#include "../test.h"

static struct pci_addr address_of(const char *text)
{
	struct pci_addr addr;

	if (pci_addr_parse(text, &addr) < 0)
		fail_msg("'%s' is no address", text);
	return addr;
}

static struct acs acs_of(int value)
{
	if (value == UNSEEN)
		return (struct acs){ .known = KNOWN_NO };
	if (value == NO_ACS)
		return (struct acs){ .known = KNOWN_ABSENT };
	return (struct acs){
		.known = KNOWN_PRESENT,
		.capability = 0x7f,
		.control = (uint16_t)value,
	};
}

struct platform *model_new(const struct model_function *functions, size_t nr)
{
	struct platform *p = platform_new("test", NULL);

	for (size_t i = 0; i < nr; i++) {
		const struct model_function *m = &functions[i];
		struct function *f = platform_add(p, address_of(m->address));

		assert_non_null(f);
		f->ids_known = m->vendor;
		f->vendor = m->vendor;
		f->device = m->device;
		f->class_known = true;
		f->class = m->class ? m->class : m->secondary ? 0x060400 : 0x010802;
		f->subvendor = m->subvendor;
		f->subdevice = m->subdevice;
		f->config_bytes = m->acs == UNSEEN ? 64 : 4096;
		f->multifunction = m->multifunction;
		f->multifunction_known = !m->header_unseen;
		f->port_type = m->type;
		f->is_bridge = m->secondary;
		f->secondary = f->subordinate = m->secondary;
		f->acs = acs_of(m->acs);
		if (m->physical) {
			f->is_virtual = true;
			f->physical = address_of(m->physical);
		}
		if (!m->secondary && !m->no_bar)
			f->bars[0] = (struct bar){
				.kind = BAR_MEM64,
				.prefetchable = true,
				.start = 0x100000000,
				.size = 1 << 20,
			};
	}
	platform_finish(p);
	model_set_cpu(p, "GenuineIntel", 6);
	return p;
}

int model_index(const struct platform *p, const char *address)
{
	const struct function *f = platform_find(p, address_of(address));

	if (!f)
		fail_msg("there is no '%s'", address);
	return (int)(f - p->functions);
}

void model_set_acs(struct platform *p, const char *address, int acs)
{
	p->functions[model_index(p, address)].acs = acs_of(acs);
}

void model_set_cpu(struct platform *p, const char *vendor, int family)
{
	p->cpu.known = vendor;
	snprintf(p->cpu.vendor, sizeof(p->cpu.vendor), "%s", vendor ? vendor : "");
	p->cpu.family = family;
}
