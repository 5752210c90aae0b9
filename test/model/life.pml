/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One life of a half-open (kmod/life.h), in all interleavings of its events. A run
 * begins with the request unhashed and ends when every process has ended. By then the
 * module must have counted the half-open once as added or initial. Unless it is still
 * hashed, the module must also have counted it once as ended.
 *
 * Spin steps are sequentially consistent. That is enough: each life depends on one
 * word and changes it by compare-and-exchange, which orders all changes of one word
 * on every machine.
 *
 * The kernel calls a hook at the entry of a function. Anything may happen between the
 * hook and what the function does.
 */

mtype = { NOKEY, COUNTED, ICMP, MOVING, GONE, EARLY };
mtype = { COMPLETED, EXPIRED, RESET, UNREACHABLE };

#define REQ	0	/* the request */
#define CLONE	1	/* the copy that the timer makes for another listener */

#define LOADER	0	/* processes: the loader, and sections with BH disabled */
#define ADDER	1
#define TIMER	2
#define ACK	3
#define RST	4
#define ERROR	5

mtype word[2] = NOKEY;	/* a word of an earlier life has no key of this one */
mtype early;		/* the outcome stored with EARLY */
bool hashed[2];
byte refs[2];
bool inside[6];	/* whether the process is in its section */
bool timed = true;
bool begun, ends_hooked, adds_hooked;

byte in, out;		/* times counted as begun, and as ended */
bool rst_came, error_came, ack_won, gave_up;
bool note;		/* on the timer's CPU: the timer may have moved the request */
bool moved;		/* the kernel has counted a move on that CPU */
bool overtaken;		/* a clone took its place after its end was counted */


inline count_out(how)
{
	out++;
	assert(out <= in);
	assert(how != COMPLETED || ack_won);
	assert(how != EXPIRED || gave_up);
	assert(how != RESET || rst_came || error_came);
	assert(how != UNREACHABLE || error_came)
}

/* synq_life_begin(): the kernel sends the SYN-ACK of @r. */
inline begin(r)
{
	atomic {
		if
		:: word[r] == NOKEY -> word[r] = COUNTED; in++
		:: word[r] == EARLY -> word[r] = GONE; in++; count_out(early)
		:: else
		fi
	}
}

/* synq_life_find() */
inline find(r)
{
	atomic {
		if
		:: word[r] == NOKEY -> word[r] = COUNTED; in++
		:: else
		fi
	}
}

/* synq_life_move_end() */
inline move_end()
{
	atomic {
		if
		:: note && word[REQ] == MOVING ->
			if
			:: moved -> word[REQ] = GONE
			:: else -> word[REQ] = COUNTED
			fi
		:: else
		fi;
		note = false
	}
}

/* synq_life_end(): @seen may be stale at the exchange. */
inline end(r, outcome)
{
	do
	:: atomic {
		seen = word[r];
		if
		:: seen == GONE || seen == EARLY ||
		   (seen == MOVING && r == REQ && outcome != COMPLETED) -> break
		:: else
		fi
	   }
	   atomic {
		if
		:: word[r] != seen	/* another CPU was faster: try again */
		:: word[r] == seen && seen == NOKEY ->
			word[r] = EARLY; early = outcome; break
		:: word[r] == seen && seen != NOKEY ->
			word[r] = GONE;
			if
			:: seen == ICMP && outcome != COMPLETED -> count_out(UNREACHABLE)
			:: else -> count_out(outcome)
			fi;
			break
		fi
	   }
	od
}

/* End a section. Clear its variables, so that Spin has fewer states to search. */
inline leave(proc)
{
	atomic { inside[proc] = false; seen = 0; last = false; r = 0; found = false }
}

/* Call the hook of a removal, or miss the call. */
inline removal_hook(r, outcome)
{
	if
	:: ends_hooked && hashed[r] -> end(r, outcome)
	:: true
	fi
}

/* Remove @r from the hash, unless another process has done so. */
inline unlink(r)
{
	atomic {
		if
		:: hashed[r] -> hashed[r] = false; refs[r]--
		:: else
		fi
	}
}

/* Drop a reference. The last runs the destructor: EXPIRED if the timer gave up. */
inline put(r)
{
	atomic {
		refs[r]--;
		last = refs[r] == 0
	}
	if
	:: last && ends_hooked ->
		if
		:: r == REQ && word[REQ] == MOVING -> move_end()
		:: else
		fi;
		if
		:: word[r] == COUNTED || word[r] == ICMP || (r == CLONE && word[r] == MOVING) ->
			if
			:: gave_up -> end(r, EXPIRED)
			:: !gave_up -> end(r, RESET)
			fi
		:: else
		fi
	:: else
	fi
}

/* Destroy a clone that was not hashed. Some kernels do so with references left. */
inline free_clone()
{
	if
	:: ends_hooked && note && !moved && word[CLONE] == MOVING -> word[CLONE] = GONE
	:: ends_hooked && !(note && !moved) &&
	   (word[CLONE] == COUNTED || word[CLONE] == ICMP || word[CLONE] == MOVING) ->
		end(CLONE, EXPIRED)
	:: else
	fi
}

/* Look up the half-open in the hash, and take a reference. */
inline look_up(proc)
{
	atomic {
		inside[proc] = true;
		if
		:: hashed[REQ] -> r = REQ; refs[REQ]++; found = true
		:: !hashed[REQ] && hashed[CLONE] -> r = CLONE; refs[CLONE]++; found = true
		:: else -> found = false
		fi;
		rst_came = rst_came || (found && proc == RST);
		error_came = error_came || (found && proc == ERROR)
	}
}

proctype adder()
{
	mtype seen;
	bool last, found;
	byte r;

	inside[ADDER] = true;
	/* The hash, the timer and this process hold a reference each. */
	atomic { hashed[REQ] = true; refs[REQ] = (timed -> 3 : 2); begun = true }
	if
	:: adds_hooked -> begin(REQ); assert(in == 1)
	:: else
	fi;
	put(REQ);
	leave(ADDER)
}

proctype rst()
{
	mtype seen;
	bool last, found;
	byte r;

	look_up(RST);
	if
	:: found ->
		removal_hook(r, RESET);
		unlink(r);
		put(r)
	:: else
	fi;
	leave(RST)
}

proctype error()
{
	mtype seen;
	bool last, found;
	byte r;

	look_up(ERROR);
	if
	:: found ->
		/* synq_life_icmp() */
		if
		:: ends_hooked ->
			atomic {
				if
				:: word[r] == COUNTED -> word[r] = ICMP
				:: else
				fi
			}
		:: else
		fi;
		removal_hook(r, UNREACHABLE);
		unlink(r);
		put(r)
	:: else
	fi;
	leave(ERROR)
}

proctype ack()
{
	mtype seen;
	bool last, found, own;
	byte r;

	look_up(ACK);
	if
	:: found ->
		/* inet_ehash_insert(child, req): the child replaces the request. */
		atomic {
			own = hashed[r];
			if
			:: own -> hashed[r] = false; refs[r]--; ack_won = true
			:: else
			fi
		}
		if
		:: own && ends_hooked -> end(r, COMPLETED)
		:: else
		fi;
		put(r)
	:: else
	fi;
	own = false;
	leave(ACK)
}

proctype timer()
{
	mtype seen;
	bool last, done, found;
	byte r;

	atomic { begun -> inside[TIMER] = true }
	/* A timer that another CPU deletes is the same as one that fires last. */
	if
	:: true	/* its listener still listens, or has no group */
	:: true ->
		/* synq_life_move() */
		do
		:: ends_hooked ->
		   atomic {
			seen = word[REQ];
			if
			:: seen == GONE || seen == EARLY -> break
			:: else
			fi
		   }
		   atomic {
			if
			:: word[REQ] != seen
			:: word[REQ] == seen ->
				word[REQ] = MOVING;
				note = true;
				if
				:: seen == NOKEY -> in++
				:: else
				fi;
				break
			fi
		   }
		:: !ends_hooked -> break
		od;
		if
		:: true	/* no other listener, or no memory */
		:: true ->
			word[CLONE] = word[REQ];
			if
			:: true -> free_clone()	/* given up before it is hashed */
			:: true ->
				/* inet_ehash_insert(clone, req) */
				atomic {
					done = hashed[REQ];
					if
					:: done ->
						hashed[REQ] = false; refs[REQ]--;
						hashed[CLONE] = true; refs[CLONE] = 2;
						overtaken = word[CLONE] == GONE || word[CLONE] == EARLY
					:: else
					fi
				}
				if
				:: done -> moved = true
				/* The kernel removes and frees an unhashed clone, too. */
				:: !done -> removal_hook(CLONE, EXPIRED); free_clone()
				fi
			fi
		fi
	fi;
	if
	:: done ->
		put(REQ);
		put(CLONE)	/* the timer of the clone may fire at any later time */
	:: else ->
		gave_up = true;
		if
		:: ends_hooked && hashed[REQ] -> move_end(); end(REQ, EXPIRED)
		:: true	/* the hook missed the call */
		fi;
		unlink(REQ);
		put(REQ)
	fi;
	leave(TIMER)
}

/* synchronize_rcu(): wait until all sections that have begun have ended. */
inline synchronize()
{
	!inside[ADDER]; !inside[TIMER]; !inside[ACK]; !inside[RST]; !inside[ERROR]
}

proctype loader()
{
	ends_hooked = true;
	synchronize();
	adds_hooked = true;
	synchronize();
	/* The loader holds the lock of the hash bucket. */
	atomic {
		if
		:: hashed[REQ] -> find(REQ)
		:: else
		fi;
		if
		:: hashed[CLONE] -> find(CLONE)
		:: else
		fi
	}
}

init
{
	bool present;

	atomic {
		run loader(); run adder();
		/* At most three: a fourth finds the word as one of them left it. */
		if
		:: run timer(); run ack(); run rst()
		:: run timer(); run rst(); run error()
		:: timed = false; run ack(); run rst(); run error()
		fi;
		}
	_nr_pr == 1;
	present = hashed[REQ] || hashed[CLONE];
	assert(in <= 1 && out <= in);
	if
	:: !present -> assert(in == out)
	:: present && hashed[CLONE] && overtaken -> assert(in == out)
	:: else -> assert(in == 1 && out == 0)
	fi
}
