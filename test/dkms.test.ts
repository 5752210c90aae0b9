// `tcpsynq module install` over everything that DKMS may have left. The tests run Debian's DKMS and
// compiler in a mount namespace, so that they write nothing to this machine. They build a small
// module; test/install builds the real one in a guest.

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { release, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Ended, Started } from './command.js';
import { eventually } from './eventually.ts';
import { MARK, OWN } from './left.ts';

const top = dirname(dirname(fileURLToPath(import.meta.url)));
const VERSION = /^PACKAGE_VERSION="(.*)"/m.exec(
  readFileSync(join(top, 'dkms.conf'), 'utf8'),
)?.[1] as string;
const INTERRUPT = "pkill -INT -f 'package/dist/cli.js module install$'";
const HEADERS = `/lib/modules/${release()}/build`;

/** Return installed kernel headers, which the tests use as those of the running kernel. */
function headers(): string | undefined {
  const found = execFileSync(
    'bash',
    ['-c', 'ls -d /usr/src/linux-headers-*-amd64 2>/dev/null || :'],
    {
      encoding: 'utf8',
    },
  );
  return found.split('\n').find((line) => existsSync(join(line, 'Makefile')));
}

const possible =
  process.getuid?.() === 0 &&
  existsSync('/usr/sbin/dkms') &&
  headers() !== undefined &&
  spawnSync('unshare', ['--mount', 'true']).status === 0;

describe.skipIf(!possible)('with DKMS, as root', { timeout: 120_000 }, () => {
  let folder: string;
  let holder: ReturnType<typeof spawn>;
  let inside: string[];

  const sh = (script: string): string =>
    execFileSync(inside[0] as string, [...inside.slice(1), 'bash', '-c', script], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  const command = (...args: string[]): Started =>
    new Started(inside[0] as string, [
      ...inside.slice(1),
      process.execPath,
      join(folder, 'package/dist/cli.js'),
      'module',
      ...args,
    ]);
  const install = (): Promise<Ended> => command('install').ended();

  /** Write the source of the module in the package, with a mark as its description. */
  function source(mark: string, text = ''): void {
    writeFileSync(
      join(folder, 'package/kmod/main.c'),
      `#include <linux/module.h>\nMODULE_LICENSE("GPL");\nMODULE_DESCRIPTION("${mark}");\n${text}\n`,
    );
  }

  /** Return the mark of the module that modprobe would load on this kernel. */
  const installed = (): string => sh('modinfo -F description tcpsynq 2>/dev/null || :').trim();
  const known = (): string => sh('dkms status tcpsynq').trim();
  const isInstalled = `tcpsynq/${VERSION}, ${release()}, x86_64: installed`;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tcpsynq-dkms-test-'));
    const ready = `
      set -e
      mount -t tmpfs tmpfs '${folder}'
      cd '${folder}'
      for at in /usr/src /usr/lib/modules /var/lib/dkms; do
        mkdir -p upper$at work$at
        mkdir -p $at
        mount -t overlay -o lowerdir=$at,upperdir=upper$at,workdir=work$at overlay $at
      done
      mkdir -p ${dirname(HEADERS)} package
      ln -sfn ${headers()} ${HEADERS}
      echo ready
      exec sleep 3600`;
    holder = spawn('unshare', ['--mount', '--propagation', 'private', 'bash', '-c', ready], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, [MARK]: OWN },
    });
    await new Promise((resolve, reject) => {
      holder.stdout?.once('data', resolve);
      holder.once('exit', () => reject(new Error('the mount namespace could not be made')));
    });
    inside = ['nsenter', `--mount=/proc/${holder.pid}/ns/mnt`, '--'];
    // Outside the namespace, the tmpfs is accessible only through one of its processes.
    folder = `/proc/${holder.pid}/root${folder}`;
    for (const name of ['dist', 'dkms.conf', 'LICENSE', 'package.json']) {
      cpSync(join(top, name), join(folder, 'package', name), { recursive: true });
    }
    symlinkSync(join(top, 'node_modules'), join(folder, 'package/node_modules'));
    mkdirSync(join(folder, 'package/kmod'));
    writeFileSync(join(folder, 'package/kmod/Kbuild'), 'obj-m := tcpsynq.o\ntcpsynq-y := main.o\n');
  });

  afterAll(() => {
    holder.kill('SIGKILL');
    rmSync(folder.replace(/^\/proc\/\d+\/root/, ''), { recursive: true, force: true });
  });

  test('nothing there', async () => {
    source('first');
    const { code, stdout, stderr } = await install();
    expect([code, stdout], stderr).toEqual([0, '']);
    expect(stderr).toMatch(/^tcpsynq: module \S+ installed, for later kernels too: /m);
    expect(installed()).toBe('first');
    expect(known()).toBe(isInstalled);
  });

  test('a folder tcpsynq/VERSION where it is started is not run, and TMPDIR is not used', async () => {
    sh(`mkdir -p ${folder}/trap/tcpsynq/${VERSION}
        echo 'touch ${folder}/trap/sprung' >${folder}/trap/tcpsynq/${VERSION}/dkms.conf
        mkdir ${folder}/theirs; touch -d @1 ${folder}/theirs`);
    const installing = new Started(inside[0] as string, [
      ...inside.slice(1),
      ...['env', '--chdir', `${folder}/trap`, `TMPDIR=${folder}/theirs`, process.execPath],
      ...[join(folder, 'package/dist/cli.js'), 'module', 'install'],
    ]);
    const { code, stderr } = await installing.ended();
    expect(code, stderr).toBe(0);
    expect(existsSync(join(folder, 'trap/sprung'))).toBe(false);
    expect(statSync(join(folder, 'theirs')).mtimeMs).toBe(1000);
    expect(installed()).toBe('first');
  });

  test('a failed build leaves what was there, and names the log of the compiler', async () => {
    source('broken', '#error broken on purpose');
    const { code, stderr } = await install();
    expect(code).toBe(1);
    const log = /does not build for Linux \S+: see (\S+)$/m.exec(stderr)?.[1] ?? '';
    expect(sh(`cat ${log}`)).toContain('broken on purpose');
    expect(installed()).toBe('first');
    expect(known()).toBe(isInstalled);
  });

  test('stopped while it builds leaves what was there', async () => {
    source(
      'slow',
      '#define A(x) x x x x x x x x\n#define B(x) A(A(A(A(A(A(A(x)))))))\nint n[] = {B(B(1,))};',
    );
    const building = command('install');
    const compiling = () => sh("pgrep -f '[c]c1 .*tcpsynq-dkms-' || :") !== '';
    await eventually('the compiler to run', compiling);
    sh(INTERRUPT);
    const { code, stderr } = await building.ended();
    expect(stderr).toMatch(/stopped: dkms \w+ was not finished, and nothing is changed/);
    expect(code).toBe(1);
    expect(installed()).toBe('first');
    expect(known()).toBe(isInstalled);
  });

  test('no headers: one line, and what was there stays', async () => {
    sh(`mv ${HEADERS} ${HEADERS}.away`);
    try {
      const { code, stderr } = await install();
      expect(stderr).toMatch(/^tcpsynq: no headers of the running kernel to build for: [^\n]*\n$/);
      expect(code).toBe(1);
    } finally {
      sh(`mv ${HEADERS}.away ${HEADERS}`);
    }
    expect(installed()).toBe('first');
  });

  test.each(['/usr/src', '/var/lib/dkms'])('%s read-only: one line', async (at) => {
    sh(`mount -o remount,ro ${at}`);
    try {
      const { code, stderr } = await install();
      expect(stderr).toBe(`tcpsynq: cannot write to ${at}: read-only file system\n`);
      expect(code).toBe(1);
    } finally {
      sh(`mount -o remount,rw ${at}`);
    }
    expect(installed()).toBe('first');
  });

  test.each([
    ['no sources', `rm -r /usr/src/tcpsynq-${VERSION}`],
    ['no link to them', `rm /var/lib/dkms/tcpsynq/${VERSION}/source`],
  ])('installed, and left half-way by a kill, with %s: replaced', async (name, kill) => {
    sh(`mkdir -p /var/lib/dkms/tcpsynq/${VERSION}/build && ${kill}`);
    source(name);
    const { code, stderr } = await install();
    expect(code, stderr).toBe(0);
    expect(installed()).toBe(name);
    expect(known()).toBe(isInstalled);
  });

  test('another version, installed, and one added: both replaced', async () => {
    expect((await command('remove').ended()).code).toBe(0);
    expect([installed(), known()]).toEqual(['', '']);
    for (const other of ['0.0.8', '0.0.9']) {
      sh(`cp -r ${folder}/package /usr/src/tcpsynq-${other}
          sed -i 's/^PACKAGE_VERSION=.*/PACKAGE_VERSION="${other}"/' /usr/src/tcpsynq-${other}/dkms.conf
          dkms add tcpsynq/${other}`);
    }
    sh(`dkms install -k ${release()} tcpsynq/0.0.9`);
    expect(installed()).toBe('no link to them');
    source('third');
    const { code, stderr } = await install();
    expect(code, stderr).toBe(0);
    expect(installed()).toBe('third');
    expect(known()).toBe(isInstalled);
  });

  test('built and not installed: replaced, which Ctrl-C does not stop half-way', async () => {
    sh(`dkms uninstall -k ${release()} tcpsynq/${VERSION}`);
    expect(known()).toMatch(/: built$/);
    source('fourth');
    const installing = command('install');
    const begun = () => sh(`grep -s fourth /usr/src/tcpsynq-${VERSION}/kmod/main.c || :`) !== '';
    await eventually('the replacing to begin', begun);
    sh(INTERRUPT);
    const { code, stderr } = await installing.ended();
    expect(stderr).toMatch(/^tcpsynq: replacing the module, which is not stopped half-way: /m);
    expect(code, stderr).toBe(0);
    expect(installed()).toBe('fourth');
    expect(known()).toBe(isInstalled);
  });

  test('other kernels: one that cannot build is named, one without headers keeps it', async () => {
    for (const kernel of ['6.0.0-broken', '6.0.0-bare']) {
      sh(`mkdir -p /lib/modules/${kernel} && ln -sfn ${headers()} /lib/modules/${kernel}/build
          dkms install -k ${kernel} tcpsynq/${VERSION}`);
    }
    sh(`rm /lib/modules/6.0.0-bare/build
        rm /lib/modules/6.0.0-broken/build && mkdir /lib/modules/6.0.0-broken/build
        echo 'modules: ; false' >/lib/modules/6.0.0-broken/build/Makefile`);
    source('fifth');
    const { code, stderr } = await install();
    expect(stderr).toMatch(/^tcpsynq: Linux 6\.0\.0-bare keeps the module it has: /m);
    expect(stderr).toMatch(/^tcpsynq: Linux 6\.0\.0-broken has no module now: /m);
    expect(code).toBe(1);
    expect(installed()).toBe('fifth');
    expect(sh('ls /lib/modules/6.0.0-bare/updates/dkms')).toMatch(/^tcpsynq\.ko/);
  });
});
