import { execFile } from 'node:child_process';
import { constants, existsSync } from 'node:fs';
import { access, cp, mkdir, readdir, rm } from 'node:fs/promises';
import { release } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errno, Failure, inWords } from '../failure.js';
import { type Host, note } from '../host.js';
import { type CommonOptions, checkNoInput } from './options.js';

export type ModuleOptions = CommonOptions;

/** Where DKMS looks for sources. */
const SOURCES = '/usr/src';
/** What the package holds of the module, beside kmod. */
const BESIDE = ['dkms.conf', 'LICENSE'];
/** DKMS says so of a kernel that dkms.conf excludes. */
const EXCLUDED = 77;

/** `tcpsynq module install`: the module by DKMS, from the sources beside this command. */
export async function installModule(
  host: Host,
  options: ModuleOptions,
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
  if (known.versions.has(version)) {
    await remove(host, version);
  }
  await putSources(version);
  const which = ['-k', kernel, `tcpsynq/${version}`];
  await dkms(host, kernel, 'build', ...which);
  // Not before the new one is built: what was there would be lost with it.
  known.versions.delete(version);
  for (const other of known.versions) {
    await remove(host, other);
  }
  await dkms(host, kernel, 'install', ...which);
  // DKMS does not come back to a kernel that was there before: one that is to be booted next.
  known.kernels.delete(kernel);
  for (const other of [...known.kernels].filter(hasHeaders)) {
    await note(host, `and for Linux ${other}, which had it`);
    await dkms(host, other, 'install', '-k', other, `tcpsynq/${version}`);
  }
  const loading = isLoaded()
    ? 'what is loaded stays as it is until `modprobe -r tcpsynq && modprobe tcpsynq`'
    : 'load it with `modprobe tcpsynq`';
  await note(host, `module ${version} installed, for later kernels too: ${loading}`);
}

/** `tcpsynq module remove`: what `module install` put there, of this version or another. */
export async function removeModule(host: Host, options: ModuleOptions): Promise<void> {
  checkNoInput('module', options);
  const { versions } = await builds(host);
  if (isLoaded()) {
    throw new Failure('the module is loaded: unload it first: modprobe -r tcpsynq');
  }
  for (const version of versions) {
    await remove(host, version);
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
  /** Those that one of the versions is built for. */
  readonly kernels: Set<string>;
}

/** What DKMS has; fails where it is not, or is not ours to use. */
async function builds(host: Host): Promise<Builds> {
  try {
    await access(SOURCES, constants.W_OK);
  } catch (error) {
    throw new Failure(
      errno(error) === 'EACCES'
        ? 'installing and removing a module takes root'
        : `cannot write to ${SOURCES}: ${inWords(error)}`,
    );
  }
  const status = await dkms(host, release(), 'status', 'tcpsynq');
  // "tcpsynq/0.1.0, KERNEL, …" and "tcpsynq/0.1.0: …" of DKMS 3, "tcpsynq, 0.1.0, …" of DKMS 2.
  const found = [...status.matchAll(/^tcpsynq(?:\/|, )([^\s,:/]+)(?:, ([^\s,:]+))?/gm)];
  return {
    versions: new Set(found.map(([, version]) => version ?? '')),
    kernels: new Set(found.flatMap(([, , kernel]) => kernel ?? [])),
  };
}

async function remove(host: Host, version: string): Promise<void> {
  await dkms(host, release(), 'remove', `tcpsynq/${version}`, '--all');
  await rm(join(SOURCES, `tcpsynq-${version}`), { recursive: true, force: true });
}

/** Copies the sources to where DKMS finds them for the next kernel. */
async function putSources(version: string): Promise<void> {
  const from = fileURLToPath(new URL('../..', import.meta.url));
  const to = join(SOURCES, `tcpsynq-${version}`);
  try {
    // In a source tree there may be what a build made.
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

/** Runs DKMS, and returns what it wrote; what it could not do for a kernel is told in one line. */
function dkms(host: Host, kernel: string, ...args: readonly string[]): Promise<string> {
  const env = { ...process.env, LC_ALL: 'C' };
  return new Promise((resolve, reject) => {
    const child = execFile('dkms', args, { env, signal: host.signal }, (error, stdout, stderr) => {
      if (error === null) {
        resolve(stdout);
      } else {
        reject(new Failure(whyNot(kernel, args[0] ?? '', error, `${stdout}\n${stderr}`)));
      }
    });
    child.stdin?.end();
  });
}

function whyNot(
  kernel: string,
  action: string,
  error: Error & { code?: unknown },
  said: string,
): string {
  if (errno(error) === 'ENOENT') {
    return 'dkms is not installed: apt-get install dkms, or dnf install dkms';
  }
  if (errno(error) === 'ABORT_ERR') {
    return `dkms ${action} was stopped half-way: tcpsynq module remove clears up`;
  }
  if (errno(error) !== undefined) {
    return `cannot run dkms: ${inWords(error)}`;
  }
  if (error.code === EXCLUDED) {
    return `the module is not for Linux ${kernel}: it takes 4.14 or newer on x86-64 or arm64, with CONFIG_INET, CONFIG_KPROBES and CONFIG_FUNCTION_TRACER`;
  }
  const log = /\S+\/make\.log/.exec(said)?.[0];
  if (log !== undefined) {
    return `the module does not build for Linux ${kernel}: see ${log}`;
  }
  const why = /^Error! (.*)$/m.exec(said)?.[1] ?? `exit status ${error.code}`;
  return `dkms ${action} failed: ${why}`;
}
