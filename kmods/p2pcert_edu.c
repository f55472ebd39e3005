// SPDX-License-Identifier: GPL-2.0-only
/*
 * p2pcert_edu: QEMU's "edu" teaching device as a dmaengine memcpy channel. It makes an emulated
 * platform with a real bus master out of a stock QEMU, so that peer-to-peer transfers are exercised
 * where there is no hardware engine. It knows nothing of p2pcert's ioctls: clients find the channel
 * by its name, like any other engine's.
 *
 * The device follows docs/specs/edu.rst of QEMU: one DMA command at a time moves up to 4 KiB
 * between bus memory and a buffer of its own, so a copy is done in pieces of two commands each. A
 * command cannot be aborted and takes about 100 ms.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitops.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/dmaengine.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "p2pcert_kmod.h"

#define EDU_VENDOR 0x1234
#define EDU_DEVICE 0x11e8

#define EDU_REG_ID 0x00
#define EDU_ID_MASK 0x0000ffff
#define EDU_ID 0x00ed
#define EDU_REG_IRQ_STATUS 0x24
#define EDU_REG_IRQ_ACK 0x64
#define EDU_REG_DMA_SRC 0x80
#define EDU_REG_DMA_DST 0x88
#define EDU_REG_DMA_COUNT 0x90
#define EDU_REG_DMA_CMD 0x98
#define EDU_CMD_START BIT(0)
#define EDU_CMD_TO_MEMORY BIT(1)
#define EDU_CMD_IRQ BIT(2)

/* The device's own buffer, in its own address space. */
#define EDU_BUFFER 0x40000
#define EDU_BUFFER_SIZE 4096

static unsigned int dma_bits = 64;
module_param(dma_bits, uint, 0444);
MODULE_PARM_DESC(dma_bits, "address bits the device drives: QEMU's dma_mask (default 64)");

static unsigned int timeout_ms = 5000;
module_param(timeout_ms, uint, 0444);
MODULE_PARM_DESC(timeout_ms, "how long one command of at most 4 KiB may take (default 5000)");

struct edu_desc {
	struct dma_async_tx_descriptor tx;
	struct list_head node;
	dma_addr_t src;
	dma_addr_t dst;
	size_t length;
	struct dmaengine_result result;
};

/*
 * A descriptor moves from `prepared` over `submitted` to `issued`, is then `active` in the worker,
 * and ends on `finished` until its client has acknowledged it. Callbacks come from the worker only,
 * so that whoever has flushed it knows that none is under way.
 */
struct edu {
	struct dma_device dma;
	struct dma_chan chan;
	struct pci_dev *pdev;
	void __iomem *regs;
	struct completion irq;
	struct work_struct work;

	spinlock_t lock; /* protects the lists, the cookies and what follows */
	struct list_head prepared;
	struct list_head submitted;
	struct list_head issued;
	struct list_head finished;
	struct edu_desc *active;
	bool cancel; /* the active descriptor ends without a callback */
	bool gone; /* the device was removed, or did not answer: nothing runs any more */
};

static struct edu *to_edu(struct dma_chan *chan)
{
	return container_of(chan, struct edu, chan);
}

/* --- the hardware --------------------------------------------------------------------------- */

static irqreturn_t edu_interrupt(int irq, void *data)
{
	struct edu *edu = data;
	u32 status = readl(edu->regs + EDU_REG_IRQ_STATUS);

	if (!status || status == ~0U)
		return IRQ_NONE;
	writel(status, edu->regs + EDU_REG_IRQ_ACK);
	complete(&edu->irq);
	return IRQ_HANDLED;
}

/* One command; returns when the device has finished it, whether or not it said so. */
static int edu_command(struct edu *edu, u64 src, u64 dst, u32 count, u64 flags)
{
	unsigned long deadline = jiffies + msecs_to_jiffies(timeout_ms);

	reinit_completion(&edu->irq);
	writeq(src, edu->regs + EDU_REG_DMA_SRC);
	writeq(dst, edu->regs + EDU_REG_DMA_DST);
	writeq(count, edu->regs + EDU_REG_DMA_COUNT);
	writeq(flags | EDU_CMD_START | EDU_CMD_IRQ, edu->regs + EDU_REG_DMA_CMD);

	/* The interrupt is a hint that saves time, the command register is the truth. */
	for (;;) {
		u64 cmd;

		wait_for_completion_timeout(&edu->irq, msecs_to_jiffies(200));
		cmd = readq(edu->regs + EDU_REG_DMA_CMD);
		if (cmd == ~0ULL)
			return -ENODEV;
		if (!(cmd & EDU_CMD_START))
			return 0;
		if (time_after(jiffies, deadline))
			return -ETIMEDOUT;
		/* An interrupt may be seen just before its command ends. */
		usleep_range(100, 200);
	}
}

static int edu_copy_piece(struct edu *edu, dma_addr_t src, dma_addr_t dst, u32 count)
{
	int err;

	err = edu_command(edu, src, EDU_BUFFER, count, 0);
	if (!err)
		err = edu_command(edu, EDU_BUFFER, dst, count, EDU_CMD_TO_MEMORY);
	return err;
}

/* --- descriptors ---------------------------------------------------------------------------- */

static bool edu_stopping(struct edu *edu)
{
	bool stop;

	spin_lock_irq(&edu->lock);
	stop = edu->cancel || edu->gone;
	spin_unlock_irq(&edu->lock);
	return stop;
}

static void edu_run(struct edu *edu, struct edu_desc *desc)
{
	size_t done = 0;
	int err = 0;

	while (done < desc->length && !err && !edu_stopping(edu)) {
		u32 count = min_t(size_t, desc->length - done, EDU_BUFFER_SIZE);

		err = edu_copy_piece(edu, desc->src + done, desc->dst + done, count);
		if (!err)
			done += count;
	}
	desc->result.result = done == desc->length ? DMA_TRANS_NOERROR : DMA_TRANS_ABORTED;
	desc->result.residue = desc->length - done;
	if (err) {
		/* A command that is still running must not reach memory that its client frees. */
		pci_clear_master(edu->pdev);
		pci_err(edu->pdev, "DMA command failed: %d\n", err);
		spin_lock_irq(&edu->lock);
		edu->gone = true;
		spin_unlock_irq(&edu->lock);
	}
}

static void edu_call_back(struct edu_desc *desc)
{
	if (desc->tx.callback_result)
		desc->tx.callback_result(desc->tx.callback_param, &desc->result);
	else if (desc->tx.callback)
		desc->tx.callback(desc->tx.callback_param);
}

static struct edu_desc *edu_next(struct edu *edu)
{
	struct edu_desc *desc;

	spin_lock_irq(&edu->lock);
	desc = list_first_entry_or_null(&edu->issued, struct edu_desc, node);
	if (desc)
		list_del_init(&desc->node);
	edu->active = desc;
	edu->cancel = false;
	spin_unlock_irq(&edu->lock);
	return desc;
}

/* Frees what clients have acknowledged; everything if all is set. */
static void edu_reap(struct edu *edu, bool all)
{
	struct edu_desc *desc, *next;
	LIST_HEAD(done);

	spin_lock_irq(&edu->lock);
	list_for_each_entry_safe(desc, next, &edu->finished, node) {
		if (all || async_tx_test_ack(&desc->tx))
			list_move(&desc->node, &done);
	}
	spin_unlock_irq(&edu->lock);
	list_for_each_entry_safe(desc, next, &done, node)
		kfree(desc);
}

static void edu_work(struct work_struct *work)
{
	struct edu *edu = container_of(work, struct edu, work);
	struct edu_desc *desc;

	while ((desc = edu_next(edu))) {
		bool cancelled;

		edu_run(edu, desc);
		spin_lock_irq(&edu->lock);
		cancelled = edu->cancel;
		edu->active = NULL;
		edu->chan.completed_cookie = desc->tx.cookie;
		spin_unlock_irq(&edu->lock);

		dma_descriptor_unmap(&desc->tx);
		if (!cancelled)
			edu_call_back(desc);
		spin_lock_irq(&edu->lock);
		list_add_tail(&desc->node, &edu->finished);
		spin_unlock_irq(&edu->lock);
		edu_reap(edu, false);
	}
}

/* --- dmaengine ------------------------------------------------------------------------------ */

static dma_cookie_t edu_submit(struct dma_async_tx_descriptor *tx)
{
	struct edu_desc *desc = container_of(tx, struct edu_desc, tx);
	struct edu *edu = to_edu(tx->chan);
	dma_cookie_t cookie;
	unsigned long flags;

	spin_lock_irqsave(&edu->lock, flags);
	if (edu->gone) {
		/* It stays where it is: nobody will run it, and a client cannot give it back. */
		cookie = -ENODEV;
	} else {
		cookie = edu->chan.cookie + 1;
		if (cookie < DMA_MIN_COOKIE)
			cookie = DMA_MIN_COOKIE;
		edu->chan.cookie = cookie;
		tx->cookie = cookie;
		list_move_tail(&desc->node, &edu->submitted);
	}
	spin_unlock_irqrestore(&edu->lock, flags);
	return cookie;
}

static struct dma_async_tx_descriptor *edu_prep_memcpy(struct dma_chan *chan, dma_addr_t dst,
						       dma_addr_t src, size_t length,
						       unsigned long flags)
{
	struct edu *edu = to_edu(chan);
	struct edu_desc *desc;
	unsigned long irq_flags;

	if (!length)
		return NULL;
	/* Callers may hold a spinlock. */
	desc = kzalloc_obj(*desc, GFP_NOWAIT);
	if (!desc)
		return NULL;
	dma_async_tx_descriptor_init(&desc->tx, chan);
	desc->tx.tx_submit = edu_submit;
	desc->tx.flags = flags;
	desc->src = src;
	desc->dst = dst;
	desc->length = length;
	spin_lock_irqsave(&edu->lock, irq_flags);
	list_add_tail(&desc->node, &edu->prepared);
	spin_unlock_irqrestore(&edu->lock, irq_flags);
	return &desc->tx;
}

static void edu_issue_pending(struct dma_chan *chan)
{
	struct edu *edu = to_edu(chan);
	unsigned long flags;

	spin_lock_irqsave(&edu->lock, flags);
	list_splice_tail_init(&edu->submitted, &edu->issued);
	if (!list_empty(&edu->issued))
		schedule_work(&edu->work);
	spin_unlock_irqrestore(&edu->lock, flags);
}

static enum dma_status edu_tx_status(struct dma_chan *chan, dma_cookie_t cookie,
				     struct dma_tx_state *state)
{
	struct edu *edu = to_edu(chan);
	dma_cookie_t used, completed;
	unsigned long flags;

	spin_lock_irqsave(&edu->lock, flags);
	used = chan->cookie;
	completed = chan->completed_cookie;
	spin_unlock_irqrestore(&edu->lock, flags);
	if (state) {
		state->last = completed;
		state->used = used;
		state->residue = 0;
	}
	return dma_async_is_complete(cookie, completed, used);
}

/* May be called in atomic context: only marks; synchronize waits for the hardware. */
static int edu_terminate_all(struct dma_chan *chan)
{
	struct edu *edu = to_edu(chan);
	unsigned long flags;

	spin_lock_irqsave(&edu->lock, flags);
	list_splice_tail_init(&edu->submitted, &edu->finished);
	list_splice_tail_init(&edu->issued, &edu->finished);
	if (edu->active)
		edu->cancel = true;
	else
		chan->completed_cookie = chan->cookie;
	spin_unlock_irqrestore(&edu->lock, flags);
	return 0;
}

/* The command that runs cannot be recalled: its memory is the device's until it ends. */
static void edu_synchronize(struct dma_chan *chan)
{
	struct edu *edu = to_edu(chan);

	flush_work(&edu->work);
	spin_lock_irq(&edu->lock);
	if (list_empty(&edu->submitted) && list_empty(&edu->issued))
		chan->completed_cookie = chan->cookie;
	spin_unlock_irq(&edu->lock);
}

static int edu_alloc_chan_resources(struct dma_chan *chan)
{
	struct edu *edu = to_edu(chan);
	bool gone;

	spin_lock_irq(&edu->lock);
	gone = edu->gone;
	chan->cookie = DMA_MIN_COOKIE;
	chan->completed_cookie = DMA_MIN_COOKIE;
	spin_unlock_irq(&edu->lock);
	return gone ? -ENODEV : 0;
}

static void edu_free_chan_resources(struct dma_chan *chan)
{
	struct edu *edu = to_edu(chan);

	edu_terminate_all(chan);
	edu_synchronize(chan);
	spin_lock_irq(&edu->lock);
	list_splice_tail_init(&edu->prepared, &edu->finished);
	spin_unlock_irq(&edu->lock);
	edu_reap(edu, true);
}

/* A client may hold the channel longer than the device is there. */
static void edu_release(struct dma_device *dma)
{
	struct edu *edu = container_of(dma, struct edu, dma);

	pci_dev_put(edu->pdev);
	kfree(edu);
}

/* --- PCI ------------------------------------------------------------------------------------ */

static void edu_init_engine(struct edu *edu, struct pci_dev *pdev)
{
	struct dma_device *dma = &edu->dma;

	edu->pdev = pci_dev_get(pdev);
	init_completion(&edu->irq);
	INIT_WORK(&edu->work, edu_work);
	spin_lock_init(&edu->lock);
	INIT_LIST_HEAD(&edu->prepared);
	INIT_LIST_HEAD(&edu->submitted);
	INIT_LIST_HEAD(&edu->issued);
	INIT_LIST_HEAD(&edu->finished);

	dma->dev = &pdev->dev;
	dma_cap_set(DMA_MEMCPY, dma->cap_mask);
	/* A teaching device must not become the kernel's general copy engine. */
	dma_cap_set(DMA_PRIVATE, dma->cap_mask);
	dma->device_alloc_chan_resources = edu_alloc_chan_resources;
	dma->device_free_chan_resources = edu_free_chan_resources;
	dma->device_prep_dma_memcpy = edu_prep_memcpy;
	dma->device_issue_pending = edu_issue_pending;
	dma->device_tx_status = edu_tx_status;
	dma->device_terminate_all = edu_terminate_all;
	dma->device_synchronize = edu_synchronize;
	dma->device_release = edu_release;
	INIT_LIST_HEAD(&dma->channels);
	edu->chan.device = dma;
	list_add_tail(&edu->chan.device_node, &dma->channels);
}

static int edu_setup_irq(struct edu *edu)
{
	struct pci_dev *pdev = edu->pdev;
	int err;

	err = pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_ALL_TYPES);
	if (err < 0)
		return err;
	err = request_irq(pci_irq_vector(pdev, 0), edu_interrupt, IRQF_SHARED, KBUILD_MODNAME, edu);
	if (err)
		pci_free_irq_vectors(pdev);
	return err;
}

static int edu_setup_hardware(struct edu *edu)
{
	struct pci_dev *pdev = edu->pdev;
	int err;

	err = pci_enable_device(pdev);
	if (err)
		return err;
	err = pci_request_region(pdev, 0, KBUILD_MODNAME);
	if (err)
		goto disable;
	err = -ENOMEM;
	edu->regs = pci_iomap(pdev, 0, 0);
	if (!edu->regs)
		goto release;
	err = -ENODEV;
	if ((readl(edu->regs + EDU_REG_ID) & EDU_ID_MASK) != EDU_ID)
		goto unmap;
	err = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(dma_bits));
	if (err)
		goto unmap;
	err = edu_setup_irq(edu);
	if (err)
		goto unmap;
	pci_set_master(pdev);
	return 0;

unmap:
	pci_iounmap(pdev, edu->regs);
release:
	pci_release_region(pdev, 0);
disable:
	pci_disable_device(pdev);
	return err;
}

static void edu_shutdown_hardware(struct edu *edu)
{
	struct pci_dev *pdev = edu->pdev;

	pci_clear_master(pdev);
	free_irq(pci_irq_vector(pdev, 0), edu);
	pci_free_irq_vectors(pdev);
	pci_iounmap(pdev, edu->regs);
	pci_release_region(pdev, 0);
	pci_disable_device(pdev);
}

static int edu_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct edu *edu;
	int err;

	/* The device takes an address in one access of 64 bits. */
	if (!IS_ENABLED(CONFIG_64BIT))
		return -EOPNOTSUPP;
	if (dma_bits < 12 || dma_bits > 64) {
		pci_err(pdev, "dma_bits=%u is not between 12 and 64\n", dma_bits);
		return -EINVAL;
	}
	edu = kzalloc_obj(*edu, GFP_KERNEL);
	if (!edu)
		return -ENOMEM;
	edu_init_engine(edu, pdev);
	err = edu_setup_hardware(edu);
	if (err)
		goto fail;
	err = dma_async_device_register(&edu->dma);
	if (err) {
		edu_shutdown_hardware(edu);
		goto fail;
	}
	pci_set_drvdata(pdev, edu);
	pci_info(pdev, "memcpy channel %s\n", dma_chan_name(&edu->chan));
	return 0;

fail:
	edu_release(&edu->dma);
	return err;
}

/* Ends what clients wait for with an error, so that none waits for hardware that is gone. */
static void edu_abort_all(struct edu *edu)
{
	spin_lock_irq(&edu->lock);
	edu->gone = true;
	list_splice_tail_init(&edu->submitted, &edu->issued);
	spin_unlock_irq(&edu->lock);
	schedule_work(&edu->work);
	/* Also waits for the command that runs: after this the device masters nothing. */
	flush_work(&edu->work);
}

static void edu_remove(struct pci_dev *pdev)
{
	struct edu *edu = pci_get_drvdata(pdev);

	edu_abort_all(edu);
	edu_shutdown_hardware(edu);
	dma_async_device_unregister(&edu->dma);
}

static const struct pci_device_id edu_ids[] = {
	{ PCI_DEVICE(EDU_VENDOR, EDU_DEVICE) },
	{}
};
MODULE_DEVICE_TABLE(pci, edu_ids);

static struct pci_driver edu_driver = {
	.name = KBUILD_MODNAME,
	.id_table = edu_ids,
	.probe = edu_probe,
	.remove = edu_remove,
};
module_pci_driver(edu_driver);

MODULE_AUTHOR("The p2pcert authors");
MODULE_DESCRIPTION("p2pcert: QEMU's edu device as a dmaengine memcpy channel");
MODULE_LICENSE("GPL");
MODULE_VERSION(P2PCERT_MODULE_VERSION);
