import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

// Debian's chromium, controlled over a pipe with the DevTools protocol:
// https://chromedevtools.github.io/devtools-protocol/

type Parameters = Readonly<Record<string, unknown>>;

interface Message {
  readonly id?: number;
  readonly sessionId?: string;
  readonly method?: string;
  readonly params?: Record<string, never>;
  readonly result?: Record<string, never>;
  readonly error?: { readonly message: string };
}

/** Window size and colour scheme for a page. */
export interface Look {
  readonly width: number;
  readonly height: number;
  readonly dark?: boolean;
}

export class Browser {
  readonly #child: ChildProcess;
  readonly #profile: string;
  readonly #waiting = new Map<number, (message: Message) => void>();
  readonly #tabs = new Map<string, Tab>();
  #id = 0;
  #rest = '';

  private constructor(child: ChildProcess, profile: string) {
    this.#child = child;
    this.#profile = profile;
    (child.stdio[4] as Readable).setEncoding('utf8').on('data', (text: string) => this.#hear(text));
  }

  static async start(): Promise<Browser> {
    const profile = await mkdtemp(join(tmpdir(), 'tcpsynq-chromium-'));
    const child = spawn(
      'chromium',
      [
        ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
        ...['--no-first-run', '--disable-background-networking', '--hide-scrollbars'],
        ...['--remote-debugging-pipe', `--user-data-dir=${profile}`],
      ],
      { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] },
    );
    await once(child, 'spawn');
    return new Browser(child, profile);
  }

  async close(): Promise<void> {
    const closed = once(this.#child, 'close');
    await this.send('Browser.close').catch(() => {});
    await closed;
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }

  send(method: string, params: Parameters = {}, sessionId?: string) {
    this.#id += 1;
    const id = this.#id;
    const text = JSON.stringify({ id, method, params, ...(sessionId ? { sessionId } : {}) });
    (this.#child.stdio[3] as Writable).write(`${text}\0`);
    return new Promise<Record<string, never>>((resolve, reject) => {
      this.#waiting.set(id, ({ error, result }) => {
        error === undefined
          ? resolve(result ?? {})
          : reject(new Error(`${method}: ${error.message}`));
      });
    });
  }

  /** Open an address, and wait until it is loaded. */
  async open(url: string, look: Look): Promise<Tab> {
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    const tab = new Tab(this, sessionId as unknown as string);
    this.#tabs.set(tab.session, tab);
    for (const domain of ['Page', 'Runtime', 'Log', 'Network']) {
      await tab.send(`${domain}.enable`);
    }
    await tab.look(look);
    const loaded = tab.loaded();
    await tab.send('Page.navigate', { url });
    await loaded;
    await tab.settle();
    return tab;
  }

  #hear(text: string): void {
    const messages = (this.#rest + text).split('\0');
    this.#rest = messages.pop() ?? '';
    for (const one of messages) {
      const message = JSON.parse(one) as Message;
      if (message.id !== undefined) {
        this.#waiting.get(message.id)?.(message);
        this.#waiting.delete(message.id);
      } else if (message.sessionId !== undefined) {
        this.#tabs.get(message.sessionId)?.hear(message);
      }
    }
  }
}

export class Tab {
  readonly session: string;
  /** Errors and warnings on the console, and uncaught exceptions. */
  readonly complaints: string[] = [];
  /** The addresses of all requests, that of the page first. */
  readonly requests: string[] = [];
  readonly #browser: Browser;
  #onLoad = () => {};

  constructor(browser: Browser, session: string) {
    this.#browser = browser;
    this.session = session;
  }

  send(method: string, params?: Parameters) {
    return this.#browser.send(method, params, this.session);
  }

  hear({ method, params }: Message): void {
    const said = JSON.stringify(params);
    if (method === 'Page.loadEventFired') {
      this.#onLoad();
    } else if (method === 'Network.requestWillBeSent') {
      this.requests.push((params as unknown as { request: { url: string } }).request.url);
    } else if (
      method === 'Runtime.exceptionThrown' ||
      method === 'Log.entryAdded' ||
      (method === 'Runtime.consoleAPICalled' && /"type":"(?:error|warning|assert)"/.test(said))
    ) {
      this.complaints.push(said);
    }
  }

  loaded(): Promise<void> {
    return new Promise((resolve) => {
      this.#onLoad = resolve;
    });
  }

  async look({ width, height, dark = false }: Look): Promise<void> {
    await this.send('Emulation.setDeviceMetricsOverride', {
      ...{ width, height, deviceScaleFactor: 1 },
      mobile: width < 600,
    });
    const value = dark ? 'dark' : 'light';
    await this.send('Emulation.setEmulatedMedia', {
      features: [{ name: 'prefers-color-scheme', value }],
    });
  }

  /** Wait until pending changes are drawn. */
  async settle(): Promise<void> {
    for (let frame = 0; frame < 3; frame += 1) {
      await this.evaluate('new Promise((resolve) => requestAnimationFrame(() => resolve(0)))');
    }
  }

  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = (await this.send('Runtime.evaluate', {
      ...{ expression, awaitPromise: true, returnByValue: true },
    })) as unknown as { result: { value: T }; exceptionDetails?: object };
    if (exceptionDetails !== undefined) {
      throw new Error(JSON.stringify(exceptionDetails));
    }
    return result.value;
  }

  /** Drag the mouse from one point of the window to another. */
  async drag(from: readonly [number, number], to: readonly [number, number]): Promise<void> {
    const mouse = (type: string, [x, y]: readonly [number, number], buttons: number) =>
      this.send('Input.dispatchMouseEvent', {
        ...{ type, x, y, buttons, clickCount: 1 },
        button: type === 'mouseMoved' && buttons === 0 ? 'none' : 'left',
      });
    await mouse('mouseMoved', from, 0);
    await this.settle();
    await mouse('mousePressed', from, 1);
    for (const share of [0.3, 0.6, 1]) {
      const [x, y] = [from[0] + (to[0] - from[0]) * share, from[1] + (to[1] - from[1]) * share];
      await mouse('mouseMoved', [x, y], 1);
      await this.settle();
    }
    await mouse('mouseReleased', to, 0);
    await this.settle();
  }

  /** Return a PNG of the whole page, or only of the part in the window. */
  async picture(whole = true): Promise<Buffer> {
    const { data } = await this.send('Page.captureScreenshot', {
      ...{ format: 'png', captureBeyondViewport: whole },
    });
    return Buffer.from(data as unknown as string, 'base64');
  }

  async pdf(): Promise<Buffer> {
    const { data } = await this.send('Page.printToPDF', { printBackground: true });
    return Buffer.from(data as unknown as string, 'base64');
  }
}
