// SPDX-License-Identifier: GPL-2.0-only
/*
 * One real transfer by a real DMA engine, from one range of the caller's memory to another, through
 * the dmaengine API: the engine's own driver stays in charge.
 */
#include "p2p/p2p.h"

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/dmaengine.h>
#include <linux/highmem.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/pci-p2pdma.h>
#include <linux/slab.h>

#include "p2pcert_dma.h"

/* Descriptors in flight: enough to keep an engine busy, few enough for the smallest ring. */
#define P2P_WINDOW 16

struct p2p_job;

struct p2p_piece {
	struct p2p_job *job;
	u32 length;
};

/*
 * One transfer. On the heap, since an engine that cannot be stopped may still call back, and write,
 * after the caller has gone: such a job is abandoned with everything it holds.
 */
struct p2p_job {
	struct dma_chan *chan;
	struct device *dev; /* that the engine's DMA is mapped for */
	struct p2p_range src;
	struct p2p_range dst;
	struct p2p_piece pieces[P2P_WINDOW];
	atomic_t pending; /* pieces in flight, and one while they are being submitted */
	atomic_t errors;
	atomic64_t bytes_done;
	struct completion idle;
	u64 duration_ns;
	bool abandoned;
};

/* A position in the DMA segments of one side. */
struct p2p_cursor {
	struct scatterlist *sg;
	u32 used;
};

static void p2p_free_job(struct p2p_job *job)
{
	p2p_release_range(&job->src);
	p2p_release_range(&job->dst);
	if (job->chan)
		dma_release_channel(job->chan);
	put_device(job->dev);
	kfree(job);
}

static void p2p_piece_done(void *param, const struct dmaengine_result *result)
{
	struct p2p_piece *piece = param;
	struct p2p_job *job = piece->job;

	if (result && result->result != DMA_TRANS_NOERROR)
		atomic_inc(&job->errors);
	else
		atomic64_add(piece->length, &job->bytes_done);
	if (atomic_dec_and_test(&job->pending))
		complete(&job->idle);
}

static u32 p2p_cursor_left(const struct p2p_cursor *c)
{
	return sg_dma_len(c->sg) - c->used;
}

static dma_addr_t p2p_cursor_addr(const struct p2p_cursor *c)
{
	return sg_dma_address(c->sg) + c->used;
}

static void p2p_cursor_advance(struct p2p_cursor *c, u32 length)
{
	c->used += length;
	if (c->used == sg_dma_len(c->sg)) {
		c->sg = sg_next(c->sg);
		c->used = 0;
	}
}

/* Submits up to a window of pieces; returns their bytes, 0 if the engine took none. */
static u64 p2p_submit_window(struct p2p_job *job, struct p2p_cursor *src, struct p2p_cursor *dst,
			     u64 left, int *err)
{
	u64 submitted = 0;
	int i;

	for (i = 0; i < P2P_WINDOW && submitted < left; i++) {
		u32 length = min_t(u64, left - submitted,
				   min(p2p_cursor_left(src), p2p_cursor_left(dst)));
		struct dma_async_tx_descriptor *tx;

		*err = p2pcert_check_copy(job->chan, job->dev, p2p_cursor_addr(dst),
					  p2p_cursor_addr(src), length);
		if (*err)
			break;
		tx = dmaengine_prep_dma_memcpy(job->chan, p2p_cursor_addr(dst),
					       p2p_cursor_addr(src), length,
					       DMA_PREP_INTERRUPT | DMA_CTRL_ACK);
		/* A full ring is no error as long as something is in flight. */
		if (!tx)
			break;
		job->pieces[i].job = job;
		job->pieces[i].length = length;
		tx->callback_result = p2p_piece_done;
		tx->callback_param = &job->pieces[i];
		atomic_inc(&job->pending);
		if (dma_submit_error(dmaengine_submit(tx))) {
			atomic_dec(&job->pending);
			*err = -EIO;
			break;
		}
		submitted += length;
		p2p_cursor_advance(src, length);
		p2p_cursor_advance(dst, length);
	}
	return submitted;
}

/*
 * Makes sure that the engine no longer touches the job's memory. Where it cannot be made sure, the
 * job keeps the memory, the mapping, the channel and this module for good: a leak is repairable by
 * a reboot, a stray write is not.
 */
static void p2p_stop(struct p2p_job *job)
{
	if (!dmaengine_terminate_sync(job->chan))
		return;
	job->abandoned = true;
	__module_get(THIS_MODULE);
	pr_warn("%s cannot be stopped: %u pages stay pinned until the next boot\n",
		dev_name(job->dev), job->src.nr_pages + job->dst.nr_pages);
}

static int p2p_transfer(struct p2p_job *job, u64 length, u32 timeout_ms)
{
	unsigned long deadline = jiffies + msecs_to_jiffies(timeout_ms);
	struct p2p_cursor src = { .sg = job->src.sgt.sgl };
	struct p2p_cursor dst = { .sg = job->dst.sgt.sgl };
	u64 moved = 0;
	int err = 0;

	while (moved < length && !err) {
		ktime_t start = ktime_get();
		long left = deadline - jiffies;
		long woken = 1;
		u64 bytes;

		reinit_completion(&job->idle);
		atomic_set(&job->pending, 1);
		bytes = p2p_submit_window(job, &src, &dst, length - moved, &err);
		dma_async_issue_pending(job->chan);
		if (!bytes && !err)
			err = -ENOMEM;
		if (!atomic_dec_and_test(&job->pending))
			woken = wait_for_completion_killable_timeout(&job->idle, max(left, 1L));
		job->duration_ns += ktime_to_ns(ktime_sub(ktime_get(), start));
		if (woken <= 0) {
			err = woken ? -EINTR : -ETIMEDOUT;
			p2p_stop(job);
		} else if (atomic_read(&job->errors) && !err) {
			err = -EIO;
		}
		moved += bytes;
	}
	return err;
}

/* One bit in each page of the range, where the CPU sees what the engine wrote. */
static void p2p_corrupt(const struct p2p_range *r)
{
	unsigned int i;

	for (i = 0; i < r->nr_pages; i++) {
		u8 *va = kmap_local_page(r->pages[i]);
		u8 *byte = va + (i ? 0 : r->offset);

		WRITE_ONCE(*byte, READ_ONCE(*byte) ^ 1);
		kunmap_local(va);
	}
}

static int p2p_copy(struct p2p_job *job, struct p2pcert_copy *c, u32 faults)
{
	u64 real = p2pcert_fault_length(faults, c->length);
	int err;

	job->chan = p2pcert_get_chan(c->channel, &job->dev);
	if (!job->chan)
		return -ENODEV;
	p2pcert_describe_function(job->dev, &c->engine);
	err = p2p_pin(&job->src, job->dev, c->src, c->length, false);
	if (err)
		return err;
	err = p2p_pin(&job->dst, job->dev, c->dst, c->length, true);
	if (err)
		return err;

	err = p2p_map(&job->src);
	if (!err)
		err = p2p_map(&job->dst);
	if (faults & P2PCERT_FAULT_WRONG_VERDICT) {
		c->bytes_done = err ? c->length : 0;
		return err ? 0 : -EREMOTEIO;
	}
	if (err)
		return err;
	p2p_describe(&job->src, &c->src_seg, 1);
	p2p_describe(&job->dst, &c->dst_seg, 1);

	err = p2p_transfer(job, real, c->timeout_ms);
	c->duration_ns = job->duration_ns;
	c->bytes_done = atomic64_read(&job->bytes_done);
	if (job->abandoned)
		return err;
	if (!err)
		c->bytes_done += c->length - real;

	/* What the CPU sees from here on is final: a bounce buffer has been copied back. */
	p2p_unmap(&job->dst);
	if (!err && (faults & P2PCERT_FAULT_CORRUPT_COPY))
		p2p_corrupt(&job->dst);
	p2p_unmap(&job->src);
	/* A page of a BAR is missed sooner. */
	if (!err && (faults & P2PCERT_FAULT_LEAK))
		err = p2p_leak_page(is_pci_p2pdma_page(job->dst.pages[0]) ? &job->dst : &job->src);
	return err;
}

long p2p_ioctl_copy(void __user *arg, u32 faults)
{
	struct p2pcert_copy c;
	struct p2p_job *job;
	long ret;

	if (copy_from_user(&c, arg, sizeof(c)))
		return -EFAULT;
	if (!c.channel[0] || strnlen(c.channel, sizeof(c.channel)) == sizeof(c.channel))
		return -EINVAL;
	if (!p2pcert_timeout_is_good(c.timeout_ms))
		return -EINVAL;
	ret = p2p_check_range(c.src, c.length);
	if (!ret)
		ret = p2p_check_range(c.dst, c.length);
	if (ret)
		return ret;
	/* An engine promises nothing about ranges that overlap. */
	if (c.src < c.dst + c.length && c.dst < c.src + c.length)
		return -EINVAL;
	ret = p2pcert_fault_enter(faults);
	if (ret)
		return ret;

	job = kzalloc_obj(*job, GFP_KERNEL);
	if (!job)
		return -ENOMEM;
	init_completion(&job->idle);
	c.duration_ns = 0;
	c.bytes_done = 0;
	memset(&c.engine, 0, sizeof(c.engine));
	memset(&c.src_seg, 0, sizeof(c.src_seg));
	memset(&c.dst_seg, 0, sizeof(c.dst_seg));
	c.result = p2p_copy(job, &c, faults);
	if (!job->abandoned)
		p2p_free_job(job);

	if (c.result == -EINTR)
		return -EINTR;
	return copy_to_user(arg, &c, sizeof(c)) ? -EFAULT : 0;
}
