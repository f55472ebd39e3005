// SPDX-License-Identifier: GPL-2.0-only
/* How the kernel lets memory be pinned, and pages that stay so as long as a file does. */
#include "p2p/p2p.h"

#include <linux/pci-p2pdma.h>

#define P2P_PIN_FLAGS                                                                              \
	(P2PCERT_PIN_P2P | P2PCERT_PIN_WRITE | P2PCERT_PIN_LONGTERM | P2PCERT_PIN_FAST |           \
	 P2PCERT_PIN_GET | P2PCERT_PIN_HOLD)

static u64 p2p_kinds(const struct p2p_range *r)
{
	u64 kinds = 0;
	unsigned int i;

	for (i = 0; i < r->nr_pages && i < 64; i++)
		if (is_pci_p2pdma_page(r->pages[i]))
			kinds |= BIT_ULL(i);
	return kinds;
}

static int p2p_pin_as_asked(struct p2p_hold *hold, struct p2pcert_pin *pin, u32 faults)
{
	struct p2p_range r = {};
	int err = faults & P2PCERT_FAULT_MAP_FAILS ? -ENOMEM : 0;

	if (!err)
		err = p2p_pin_pages(&r, pin->addr, pin->length, pin->flags);
	pin->nr_pages = r.nr_pages;
	pin->p2p_pages = p2p_kinds(&r);
	pin->result = err;
	if (faults & P2PCERT_FAULT_WRONG_VERDICT)
		pin->result = err ? 0 : -EREMOTEIO;
	if ((faults & P2PCERT_FAULT_LEAK) && r.nr_pages)
		err = p2p_leak_page(&r) ?: err;
	if (!err && (pin->flags & P2PCERT_PIN_HOLD))
		hold->range = r;
	else
		p2p_unpin(&r);
	return err == -EINTR ? err : 0;
}

long p2p_ioctl_pin(struct p2p_hold *hold, void __user *arg, u32 faults)
{
	struct p2pcert_pin pin;
	long err;

	if (copy_from_user(&pin, arg, sizeof(pin)))
		return -EFAULT;
	if (pin.reserved || (pin.flags & ~P2P_PIN_FLAGS))
		return -EINVAL;
	if ((pin.flags & P2PCERT_PIN_LONGTERM) && (pin.flags & (P2PCERT_PIN_P2P | P2PCERT_PIN_GET)))
		return -EINVAL;
	err = p2p_check_range(pin.addr, pin.length);
	if (!err)
		err = p2pcert_fault_enter(faults);
	if (err)
		return err;

	err = mutex_lock_interruptible(&hold->lock);
	if (err)
		return err;
	if ((pin.flags & P2PCERT_PIN_HOLD) && hold->range.pages)
		err = -EBUSY;
	else
		err = p2p_pin_as_asked(hold, &pin, faults);
	mutex_unlock(&hold->lock);
	if (err)
		return err;
	return copy_to_user(arg, &pin, sizeof(pin)) ? -EFAULT : 0;
}

long p2p_ioctl_unpin(struct p2p_hold *hold)
{
	long err = mutex_lock_interruptible(&hold->lock);

	if (err)
		return err;
	err = hold->range.pages ? 0 : -ENOENT;
	p2p_unpin(&hold->range);
	mutex_unlock(&hold->lock);
	return err;
}
