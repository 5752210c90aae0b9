// SPDX-License-Identifier: GPL-2.0-only
/* Functions of the running kernel, found by name. */
#include <linux/kallsyms.h>

#include "hooks.h"

#define SYNQ_SYMBOLS	40

/*
 * Since 5.7 modules cannot read the symbol table, but a kprobe that is never armed
 * finds a function in it. Unregistering one waits for RCU, so all of them stay
 * until the last has been found.
 */
static struct kprobe synq_symbols[SYNQ_SYMBOLS];
static unsigned int synq_symbols_found;
static int synq_symbols_failed;	/* -ENOMEM if a function was not looked up for lack of memory */

/* Return where the function begins; 0: the kernel has no function of that name. */
static unsigned long synq_symbol_address(const char *name)
{
	struct kprobe *kp = &synq_symbols[synq_symbols_found];
	unsigned int i;
	int err;

	for (i = 0; i < synq_symbols_found; i++)
		if (!strcmp(synq_symbols[i].symbol_name, name))
			return (unsigned long)synq_symbols[i].addr;
	if (WARN_ON(synq_symbols_found == SYNQ_SYMBOLS))
		return 0;
	memset(kp, 0, sizeof(*kp));
	kp->symbol_name = name;
	kp->flags = KPROBE_FLAG_DISABLED;
	err = register_kprobe(kp);
	if (err == -ENOMEM) {
		pr_err("%s: cannot be looked up (%d)\n", name, err);
		synq_symbols_failed = err;
	}
	if (err)
		return 0;
	synq_symbols_found++;
	return (unsigned long)kp->addr;
}

/* Return 0, or -ENOMEM if a lookup failed: then a function not found may exist. */
int synq_symbols_error(void)
{
	return synq_symbols_failed;
}

/* Unregister the kprobes. Called after all lookups, before any function is hooked. */
void synq_symbols_done(void)
{
	struct kprobe *kps[SYNQ_SYMBOLS];
	unsigned int i;

	for (i = 0; i < synq_symbols_found; i++)
		kps[i] = &synq_symbols[i];
	unregister_kprobes(kps, synq_symbols_found);
}

bool synq_symbol_missing(const char *name)
{
	return !synq_symbol_address(name);
}

/* Return where a function begins and ends; both 0: the kernel has no function of that name. */
struct synq_range synq_symbol_range(const char *name)
{
	unsigned long at = synq_symbol_address(name), off, size;
	struct synq_range range = {};
	char text[KSYM_SYMBOL_LEN];
	const char *plus;

	/* Prints "name+0xoff/0xsize". */
	sprint_symbol(text, at);
	plus = strchr(text, '+');
	if (at && plus && sscanf(plus, "+0x%lx/0x%lx", &off, &size) == 2) {
		range.start = at - off;
		range.end = range.start + size;
	}
	return range;
}

static bool synq_enters(const struct synq_range *callee, unsigned long at)
{
	return at + SYNQ_ENTRY_SLACK >= callee->start && at < callee->start + SYNQ_ENTRY_SLACK;
}

/* Return whether a function calls another; true also if we cannot decode this machine's code. */
bool synq_symbol_calls(const char *caller, const char *callee)
{
	struct synq_range from = synq_symbol_range(caller), to = synq_symbol_range(callee);
	unsigned long at;

#if defined(CONFIG_X86)
	/* call and jmp: an offset of 32 bits from the next instruction */
	for (at = from.start; at + 5 <= from.end; at++) {
		u8 code = *(const u8 *)at;
		s32 off;

		memcpy(&off, (const void *)(at + 1), sizeof(off));
		/* A kprobe's breakpoint replaces only the first byte. */
		if ((code == 0xe8 || code == 0xe9 || code == 0xcc) &&
		    synq_enters(&to, at + 5 + off))
			return true;
	}
	return false;
#elif defined(CONFIG_ARM64)
	/* bl and b: an offset of 26 bits, in instructions */
	for (at = from.start; at + 4 <= from.end; at += 4) {
		u32 code = le32_to_cpup((const __le32 *)at);

		if ((code & 0x7c000000) == 0x14000000 &&
		    synq_enters(&to, at + 4L * sign_extend32(code, 25)))
			return true;
	}
	return false;
#else
	return true;
#endif /* CONFIG_X86 */
}

/*
 * Return whether the entry of the function that begins at @start is unpatched;
 * false also if we cannot decode it. With kernel.ftrace_enabled=0 the kernel
 * accepts a kprobe, and before 5.5 an ftrace hook too, and never calls it
 * (ftrace_startup_enable(), kernel/trace/ftrace.c, 6.1).
 */
bool synq_symbol_unpatched(unsigned long start)
{
#if defined(CONFIG_X86)
	/* ENDBR, and what replaces it if nothing jumps there: gen_endbr_poison(), old and new. */
	static const u8 begin[][4] = { { 0xf3, 0x0f, 0x1e, 0xfa }, { 0x66, 0x0f, 0x1f, 0x00 },
				       { 0x0f, 0x1f, 0x40, 0xd6 } };
	/* The nops that ftrace leaves where it does not call; the second on old AMD CPUs. */
	static const u8 nop[][5] = { { 0x0f, 0x1f, 0x44, 0x00, 0x00 },
				     { 0x66, 0x66, 0x66, 0x66, 0x90 } };
	const u8 *at = (const u8 *)start;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(begin); i++) {
		if (!memcmp(at, begin[i], 4)) {
			at += 4;
			break;
		}
	}
	return !memcmp(at, nop[0], 5) || !memcmp(at, nop[1], 5);
#else
	return false;
#endif /* CONFIG_X86 */
}
