import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants, existsSync } from 'node:fs';
import { access, cp, mkdir, mkdtemp, readdir, realpath, rm, symlink } from 'node:fs/promises';
import { release } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe as described, errno, Failure, failureOf, inWords } from '../failure.js';
import { type Host, note } from '../terminal/host.js';
import { type CommonOptions, checkNoInput } from './options.js';

/** The folder of DKMS's sources. Only root writes to it. */
const SOURCES = '/usr/src';
/** A folder for logs that a person will read later. */
const KEPT = '/var/tmp';
/** The folder of DKMS's builds. */
const TREE = '/var/lib/dkms';
/** Files of the module in the package, besides the folder kmod. */
const BESIDE = ['dkms.conf', 'LICENSE'];
const OWN = fileURLToPath(new URL('../..', import.meta.url));
/** Matches the path of the compiler's log in DKMS's output. */
const LOG = /\S+\/make\.log/;
/** DKMS's exit status for a kernel that dkms.conf excludes. */
const EXCLUDED = 77;

/**
 * Run `tcpsynq module install`: install the module by DKMS, from the sources of this package.
 *
 * DKMS has one place for the build of a version, and cannot build there while an earlier build
 * occupies it. So build the module elsewhere first, where the build may fail or be stopped. Then
 * replace the installed version.
 */
export async function installModule(
  host: Host,
  options: CommonOptions,
  version: string,
): Promise<void> {
  checkNoInput('module', options);
  const kernel = release();
  const known = await builds(host);
  if (!hasHeaders(kernel)) {
    throw new Failure(
      `no headers of the running kernel to build for: apt-get install linux-headers-${kernel}, or dnf install kernel-devel-${kernel}`,
    );
  }
  await note(host, `building the module for Linux ${kernel}, which takes a minute or two`);
  await tryBuilding(host, kernel, version);
  if (host.signal.aborted) {
    throw new Failure('stopped: nothing is changed');
  }
  const letStop = host.onSignal(() => {
    void note(host, 'replacing the module, which is not stopped half-way: it takes a minute');
  });
  try {
    await replace(host, kernel, version, known);
  } finally {
    letStop();
  }
  const loading = isLoaded()
    ? 'what is loaded stays as it is until `modprobe -r tcpsynq && modprobe tcpsynq`'
    : 'load it with `modprobe tcpsynq`';
  await note(host, `module ${version} installed, for later kernels too: ${loading}`);
}

/**
 * Build the module in a temporary folder, and change nothing in DKMS. Do not use TMPDIR: under
 * `sudo -E` it may be a folder of another user, who could swap the sources there.
 */
async function tryBuilding(host: Host, kernel: string, version: string): Promise<void> {
  const folder = await mkdtemp(join(SOURCES, 'tcpsynq-dkms-'));
  try {
    const trees = ['--sourcetree', join(folder, 'sources'), '--dkmstree', join(folder, 'tree')];
    await mkdir(join(folder, 'tree'));
    await putSources(join(folder, 'sources', `tcpsynq-${version}`));
    const args = [...trees, '-k', kernel, ...which(version)];
    await dkms({ kernel, signal: host.signal }, 'build', ...args);
  } catch (error) {
    throw error instanceof Failure ? new Failure(await keepLog(error.message)) : error;
  } finally {
    // Retry, since a stopped compiler may still write files until it exits.
    await rm(folder, { recursive: true, force: true, maxRetries: 10 });
  }
}

/**
 * Copy the log that a message names to a folder that only root can read. Return the message with
 * the new path.
 */
async function keepLog(message: string): Promise<string> {
  const log = LOG.exec(message)?.[0];
  if (log === undefined) {
    return message;
  }
  const kept = join(await mkdtemp(join(KEPT, 'tcpsynq-log-')), 'make.log');
  return cp(log, kept).then(
    () => message.replace(log, kept),
    () => message,
  );
}

/**
 * Replace DKMS's versions with this one, kernel by kernel, and continue after a failure for one
 * kernel. A kernel without headers keeps its module.
 */
async function replace(host: Host, kernel: string, version: string, known: Builds): Promise<void> {
  await putSources(sourcesOf(version));
  const failed: string[] = [];
  for (const one of new Set([kernel, ...known.kernels.keys()])) {
    const versions = known.kernels.get(one) ?? [];
    if (!hasHeaders(one)) {
      await note(host, `Linux ${one} keeps the module it has: its headers are not installed`);
      continue;
    }
    if (one !== kernel) {
      await note(host, `and for Linux ${one}, which had it`);
    }
    let state = 'keeps the module it has';
    try {
      for (const other of versions) {
        await remove(other, '-k', one);
      }
      state = 'has no module now';
      // --force, since `make install` may have installed another module with this name.
      await dkms({ kernel: one }, 'install', '--force', ...which(version), '-k', one);
    } catch (error) {
      failed.push(`Linux ${one} ${state}: ${described(error)}`);
    }
  }
  const left = await found();
  const used = new Set([version, ...[...left.kernels.values()].flat()]);
  for (const other of known.versions) {
    if (!used.has(other)) {
      await removeAll(other, left.versions.has(other));
    }
  }
  if (failed.length > 0) {
    throw new Failure(failed.join('; '));
  }
}

/** Run `tcpsynq module remove`: remove what `module install` installed, in any version. */
export async function removeModule(host: Host, options: CommonOptions): Promise<void> {
  checkNoInput('module', options);
  const { versions } = await builds(host);
  if (isLoaded()) {
    throw new Failure('the module is loaded: unload it first: modprobe -r tcpsynq');
  }
  for (const version of versions) {
    await removeAll(version);
  }
  await note(
    host,
    versions.size === 0
      ? 'nothing to remove: DKMS has no module tcpsynq'
      : `module ${[...versions].join(', ')} removed`,
  );
}

function isLoaded(): boolean {
  return existsSync('/sys/module/tcpsynq');
}

function hasHeaders(kernel: string): boolean {
  return existsSync(`/lib/modules/${kernel}/build/Makefile`);
}

interface Builds {
  readonly versions: Set<string>;
  /** Kernels with builds, and the versions built for each. */
  readonly kernels: Map<string, string[]>;
}

/** Return DKMS's builds; fail if DKMS is missing or not writable. */
async function builds(host: Host): Promise<Builds> {
  for (const folder of [SOURCES, TREE]) {
    await checkWritable(folder);
  }
  await dkms({ kernel: release(), signal: host.signal }, '--version');
  return found();
}

/**
 * Return the builds in DKMS's tree. Read the tree itself, since `dkms status` omits versions
 * without sources.
 */
async function found(): Promise<Builds> {
  const tree = join(TREE, 'tcpsynq');
  const versions = (await folders(tree)).filter((name) => /^\d/.test(name));
  const kernels = new Map<string, string[]>();
  for (const version of versions) {
    for (const kernel of await folders(join(tree, version))) {
      if (kernel !== 'build') {
        kernels.set(kernel, [...(kernels.get(kernel) ?? []), version]);
      }
    }
  }
  return { versions: new Set(versions), kernels };
}

/** Return the folders in a folder, without links. */
async function folders(at: string): Promise<string[]> {
  const entries = await readdir(at, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

async function checkWritable(folder: string): Promise<void> {
  try {
    await access(folder, constants.W_OK);
  } catch (error) {
    if (errno(error) === 'EACCES') {
      throw new Failure('installing and removing a module takes root');
    }
    // If DKMS is not installed, its tree is missing; the caller reports that.
    if (errno(error) !== 'ENOENT') {
      throw new Failure(`cannot write to ${folder}: ${inWords(error)}`);
    }
  }
}

const sourcesOf = (version: string): string => join(SOURCES, `tcpsynq-${version}`);

/**
 * Return DKMS's options for a version. The form tcpsynq/VERSION is not safe: DKMS would first look
 * for a folder of that name in the current folder, and run the commands of its dkms.conf.
 */
const which = (version: string): string[] => ['-m', 'tcpsynq', '-v', version];

/** Let DKMS remove a version for one kernel (`-k KERNEL`) or for all (`--all`). */
async function remove(version: string, ...kernels: readonly string[]): Promise<void> {
  // DKMS removes a version only if the sources exist and its tree links to them. So restore both.
  if (!existsSync(join(sourcesOf(version), 'dkms.conf'))) {
    await putSources(sourcesOf(version));
  }
  await symlink(sourcesOf(version), join(TREE, 'tcpsynq', version, 'source')).catch(() => {});
  await dkms({ kernel: release() }, 'remove', ...which(version), ...kernels);
}

/**
 * Remove a version and its sources.
 *
 * @param isKnown whether DKMS still has the version, which it removes together with the last kernel
 */
async function removeAll(version: string, isKnown = true): Promise<void> {
  if (isKnown) {
    await remove(version, '--all');
  }
  if (!(await isOurs(sourcesOf(version)))) {
    await rm(sourcesOf(version), { recursive: true, force: true });
  }
}

/**
 * Return whether this command runs from the folder: DKMS's folder for sources may be a link to a
 * checkout.
 */
async function isOurs(folder: string): Promise<boolean> {
  return (await realpath(folder).catch(() => null)) === (await realpath(OWN));
}

/** Copy the sources to a folder where DKMS finds them for later kernels too. */
async function putSources(to: string): Promise<void> {
  if (await isOurs(to)) {
    return;
  }
  const from = OWN;
  try {
    // Skip build results, which a source tree may hold.
    const kmod = (await readdir(join(from, 'kmod'))).filter((name) =>
      /^Kbuild$|(?<!\.mod)\.[ch]$/.test(name),
    );
    await rm(to, { recursive: true, force: true });
    await mkdir(to, { recursive: true });
    for (const name of [...BESIDE, ...kmod.map((one) => join('kmod', one))]) {
      await cp(join(from, name), join(to, name));
    }
  } catch (error) {
    throw new Failure(`cannot copy the module's sources to ${to}: ${inWords(error)}`);
  }
}

interface Run {
  /** The kernel of the build, for messages. */
  readonly kernel: string;
  /** Stops DKMS. */
  readonly signal?: AbortSignal;
}

/**
 * Run DKMS. Throw a Failure of one line if it fails.
 *
 * DKMS gets its own process group: Ctrl-C at a terminal does not reach it, and a signal to the
 * group also reaches its compilers.
 */
async function dkms(run: Run, ...args: readonly string[]): Promise<void> {
  // Unset TMPDIR: DKMS and the compiler execute files that they write there.
  const env = { ...process.env, LC_ALL: 'C', TMPDIR: undefined };
  const child = spawn('dkms', args, { cwd: '/', env, detached: true });
  child.stdin.end();
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      said += text;
    });
  }
  const stop = () => {
    try {
      process.kill(-(child.pid as number), 'SIGTERM');
    } catch {
      // It has not started, or has just ended.
    }
  };
  run.signal?.addEventListener('abort', stop);
  if (run.signal?.aborted) {
    stop();
  }
  try {
    const [code] = await once(child, 'close');
    if (run.signal?.aborted) {
      throw new Failure(`stopped: dkms ${args[0]} was not finished, and nothing is changed`);
    }
    if (code !== 0) {
      throw new Failure(whyNot(run.kernel, args[0] ?? '', code, said));
    }
  } catch (error) {
    if (errno(error) === 'ENOENT') {
      throw new Failure('dkms is not installed: apt-get install dkms, or dnf install dkms');
    }
    throw failureOf('cannot run dkms', error);
  } finally {
    run.signal?.removeEventListener('abort', stop);
  }
}

function whyNot(kernel: string, action: string, code: number | null, said: string): string {
  if (code === EXCLUDED) {
    return `the module is not for Linux ${kernel}: it takes 4.14 or newer on x86-64 or arm64, with CONFIG_INET, CONFIG_KPROBES and CONFIG_FUNCTION_TRACER`;
  }
  const log = LOG.exec(said)?.[0];
  if (log !== undefined) {
    return `the module does not build for Linux ${kernel}: see ${log}`;
  }
  const why = /^Error! (.*)$/m.exec(said)?.[1] ?? `exit status ${code}`;
  return `dkms ${action} failed: ${why}`;
}
