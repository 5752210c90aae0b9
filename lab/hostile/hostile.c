// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faults of the kernel that tcpsynq must survive. A write to a parameter starts
 * each:
 *
 *   drop_in      write a kernel function's name: its next call drops a segment.
 *                Reads "-" once that has happened
 *   kill_ftrace  makes ftrace shut itself down, as after an internal fault
 */
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/skbuff.h>
#include <linux/string.h>

static char drop_in[KSYM_NAME_LEN] = "-";
static struct sk_buff *segment;

static int drop_segment(struct kprobe *p, struct pt_regs *regs)
{
	struct sk_buff *skb = xchg(&segment, NULL);

	if (skb)
		kfree_skb(skb);
	return 0;
}

static struct kprobe drop_probe;

static void stop_dropping(void)
{
	if (drop_probe.symbol_name)
		unregister_kprobe(&drop_probe);
	drop_probe.symbol_name = NULL;
	kfree_skb(xchg(&segment, NULL));
}

static int drop_in_set(const char *val, const struct kernel_param *kp)
{
	int err;

	stop_dropping();
	strscpy(drop_in, val, sizeof(drop_in));
	segment = alloc_skb(64, GFP_KERNEL);
	if (!segment)
		return -ENOMEM;
	memset(&drop_probe, 0, sizeof(drop_probe));
	drop_probe.pre_handler = drop_segment;
	drop_probe.symbol_name = strim(drop_in);
	err = register_kprobe(&drop_probe);
	if (err) {
		drop_probe.symbol_name = NULL;
		stop_dropping();
	}
	return err;
}

static int drop_in_get(char *buffer, const struct kernel_param *kp)
{
	return sprintf(buffer, "%s\n", READ_ONCE(segment) ? drop_in : "-");
}

static const struct kernel_param_ops drop_in_ops = { .set = drop_in_set, .get = drop_in_get };
module_param_cb(drop_in, &drop_in_ops, NULL, 0600);

static int kill_ftrace_set(const char *val, const struct kernel_param *kp)
{
	/* The kernel does not export ftrace_kill(): find it with an unarmed kprobe. */
	struct kprobe found = { .symbol_name = "ftrace_kill", .flags = KPROBE_FLAG_DISABLED };
	void (*kill)(void);
	int err = register_kprobe(&found);

	if (err)
		return err;
	kill = (void *)found.addr;
	unregister_kprobe(&found);
	kill();
	return 0;
}

static const struct kernel_param_ops kill_ftrace_ops = { .set = kill_ftrace_set };
module_param_cb(kill_ftrace, &kill_ftrace_ops, NULL, 0200);

static int __init hostile_init(void)
{
	return 0;
}

static void __exit hostile_exit(void)
{
	stop_dropping();
}

module_init(hostile_init);
module_exit(hostile_exit);

MODULE_DESCRIPTION("Faults of the kernel, for the tests of tcpsynq");
MODULE_LICENSE("GPL");
