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
  const known = await versions(host);
  if (!existsSync(`/lib/modules/${kernel}/build/Makefile`)) {
    throw new Failure(
      `no headers of the running kernel to build for: apt-get install linux-headers-${kernel}`,
    );
  }
  await note(host, `building the module for Linux ${kernel}, which takes a minute or two`);
  if (known.includes(version)) {
    await remove(host, version);
  }
  await putSources(version);
  const which = ['-k', kernel, `tcpsynq/${version}`];
  await dkms(host, 'build', ...which);
  // Not before the new one is built: what was there would be lost with it.
  for (const other of known.filter((one) => one !== version)) {
    await remove(host, other);
  }
  await dkms(host, 'install', ...which);
  const loading = isLoaded()
    ? 'what is loaded stays as it is until `modprobe -r tcpsynq && modprobe tcpsynq`'
    : 'load it with `modprobe tcpsynq`';
  await note(host, `module ${version} installed, for later kernels too: ${loading}`);
}

/** `tcpsynq module remove`: what `module install` put there, of this version or another. */
export async function removeModule(host: Host, options: ModuleOptions): Promise<void> {
  checkNoInput('module', options);
  const known = await versions(host);
  if (isLoaded()) {
    throw new Failure('the module is loaded: unload it first: modprobe -r tcpsynq');
  }
  for (const version of known) {
    await remove(host, version);
  }
  await note(
    host,
    known.length === 0
      ? 'nothing to remove: DKMS has no module tcpsynq'
      : `module ${known.join(', ')} removed`,
  );
}

function isLoaded(): boolean {
  return existsSync('/sys/module/tcpsynq');
}

/** The versions that DKMS has; fails where it is not, or is not ours to use. */
async function versions(host: Host): Promise<string[]> {
  try {
    await access(SOURCES, constants.W_OK);
  } catch (error) {
    throw new Failure(
      errno(error) === 'EACCES'
        ? 'installing and removing a module takes root'
        : `cannot write to ${SOURCES}: ${inWords(error)}`,
    );
  }
  const status = await dkms(host, 'status', 'tcpsynq');
  // "tcpsynq/0.1.0, …" and "tcpsynq/0.1.0: …" of DKMS 3, "tcpsynq, 0.1.0, …" of DKMS 2.
  const found = status.matchAll(/^tcpsynq(?:\/|, )([^\s,:/]+)/gm);
  return [...new Set([...found].map(([, version]) => version ?? ''))];
}

async function remove(host: Host, version: string): Promise<void> {
  await dkms(host, 'remove', `tcpsynq/${version}`, '--all');
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

/** Runs DKMS, and returns what it wrote; what it could not do is told in one line. */
function dkms(host: Host, ...args: readonly string[]): Promise<string> {
  const env = { ...process.env, LC_ALL: 'C' };
  return new Promise((resolve, reject) => {
    const child = execFile('dkms', args, { env, signal: host.signal }, (error, stdout, stderr) => {
      if (error === null) {
        resolve(stdout);
      } else {
        reject(new Failure(whyNot(args[0] ?? '', error, `${stdout}\n${stderr}`)));
      }
    });
    child.stdin?.end();
  });
}

function whyNot(action: string, error: Error & { code?: unknown }, said: string): string {
  if (errno(error) === 'ENOENT') {
    return 'dkms is not installed: apt-get install dkms';
  }
  if (errno(error) === 'ABORT_ERR') {
    return `dkms ${action} was stopped half-way: tcpsynq module remove clears up`;
  }
  if (errno(error) !== undefined) {
    return `cannot run dkms: ${inWords(error)}`;
  }
  if (error.code === EXCLUDED) {
    return `the module is not for Linux ${release()}: it takes 4.14 or newer, with CONFIG_INET, CONFIG_KPROBES and CONFIG_FUNCTION_TRACER`;
  }
  const log = /\S+\/make\.log/.exec(said)?.[0];
  if (log !== undefined) {
    return `the module does not build for Linux ${release()}: see ${log}`;
  }
  const why = /^Error! (.*)$/m.exec(said)?.[1] ?? `exit status ${error.code}`;
  return `dkms ${action} failed: ${why}`;
}
