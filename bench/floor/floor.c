// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attach empty probes, whose cost is the minimum for counting with probes:
 * kprobes at the functions named by "kprobe", kretprobes at those of "kretprobe".
 */
#include <linux/kprobes.h>
#include <linux/module.h>

#define MOST	4

static char *kprobe[MOST];
static int kprobes;
module_param_array(kprobe, charp, &kprobes, 0444);
MODULE_PARM_DESC(kprobe, "functions, up to four");

static char *kretprobe[MOST];
static int kretprobes;
module_param_array(kretprobe, charp, &kretprobes, 0444);
MODULE_PARM_DESC(kretprobe, "functions, up to four");

static struct kprobe kp[MOST];
static struct kretprobe rp[MOST];

static int at_entry(struct kprobe *p, struct pt_regs *regs)
{
	return 0;
}

static int at_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	return 0;
}

static void floor_remove(int kps, int rps)
{
	while (kps--)
		unregister_kprobe(&kp[kps]);
	while (rps--)
		unregister_kretprobe(&rp[rps]);
}

static int __init floor_init(void)
{
	int i, j, err;

	for (i = 0; i < kprobes; i++) {
		kp[i].symbol_name = kprobe[i];
		kp[i].pre_handler = at_entry;
		err = register_kprobe(&kp[i]);
		if (err) {
			floor_remove(i, 0);
			return err;
		}
	}
	for (j = 0; j < kretprobes; j++) {
		rp[j].kp.symbol_name = kretprobe[j];
		rp[j].handler = at_return;
		err = register_kretprobe(&rp[j]);
		if (err) {
			floor_remove(i, j);
			return err;
		}
	}
	return 0;
}

static void __exit floor_exit(void)
{
	floor_remove(kprobes, kretprobes);
}

module_init(floor_init);
module_exit(floor_exit);

MODULE_DESCRIPTION("Empty probes, for measuring");
MODULE_LICENSE("GPL");
