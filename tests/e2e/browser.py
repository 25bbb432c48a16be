"""Drives a headless Chromium over the DevTools protocol; Python standard library only."""
import base64
import json
import os
import shutil
import socket
import struct
import subprocess
import time
import urllib.request

PROGRAM = shutil.which('chromium') or shutil.which('chromium-browser')
START_SECONDS_MAX = 60


class WebSocket:
    """The client side of RFC 6455, as far as DevTools needs it: whole text messages."""

    def __init__(self, port, path):
        self._socket = socket.create_connection(('127.0.0.1', port), timeout=60)
        key = base64.b64encode(os.urandom(16)).decode()
        self._socket.sendall((f'GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n'
                              'Upgrade: websocket\r\nConnection: Upgrade\r\n'
                              f'Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n'
                              ).encode())
        self._stream = self._socket.makefile('rb')
        status = self._stream.readline()
        if b' 101 ' not in status:
            raise OSError(f'no web socket: {status!r}')
        while self._stream.readline().strip():
            pass

    def send(self, text):
        payload = text.encode()
        mask = os.urandom(4)
        length = len(payload)
        if length < 126:
            head = struct.pack('!BB', 0x81, 0x80 | length)
        elif length < 1 << 16:
            head = struct.pack('!BBH', 0x81, 0x80 | 126, length)
        else:
            head = struct.pack('!BBQ', 0x81, 0x80 | 127, length)
        masked = bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload))
        self._socket.sendall(head + mask + masked)

    def receive(self):
        message = b''
        while True:
            first, second = self._stream.read(2)
            length = second & 0x7f
            if length == 126:
                length = struct.unpack('!H', self._stream.read(2))[0]
            elif length == 127:
                length = struct.unpack('!Q', self._stream.read(8))[0]
            piece = self._stream.read(length)
            if first & 0x0f in (0, 1):
                message += piece
            if first & 0x80 and first & 0x0f in (0, 1):
                return message.decode()

    def close(self):
        self._stream.close()
        self._socket.close()


class Browser:
    """One page in a browser of its own; `errors` collects what scripts complained about."""

    def __init__(self, folder):
        self._folder = folder
        self._process = None
        self._socket = None
        self._number = 0
        self.errors = []

    def __enter__(self):
        profile = os.path.join(self._folder, 'browser')
        with open(os.path.join(self._folder, 'browser.log'), 'wb') as log:
            self._process = subprocess.Popen(
                [PROGRAM, '--headless', '--no-sandbox', '--disable-gpu', '--no-first-run',
                 '--disable-dev-shm-usage', '--disable-background-networking',
                 '--window-size=1280,900', '--remote-debugging-port=0',
                 f'--user-data-dir={profile}', 'about:blank'], stdout=log, stderr=log)
        self._socket = self._connect(os.path.join(profile, 'DevToolsActivePort'))
        for domain in ('Page', 'Runtime', 'Log'):
            self.command(f'{domain}.enable')
        return self

    def _connect(self, port_file):
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            try:
                with open(port_file, encoding='utf-8') as stream:
                    port = int(stream.readline())
                with urllib.request.urlopen(f'http://127.0.0.1:{port}/json/list',
                                            timeout=10) as answer:
                    pages = json.load(answer)
                page = next(page for page in pages if page['type'] == 'page')
                return WebSocket(port, '/devtools/page/' + page['id'])
            except (OSError, ValueError, StopIteration):
                time.sleep(0.1)
        raise OSError('the browser does not start')

    def __exit__(self, *_):
        if self._socket:
            self._socket.close()
        self._process.kill()
        self._process.wait()

    def command(self, method, **parameters):
        """Sends one command and returns its result."""
        self._number += 1
        self._socket.send(json.dumps({'id': self._number, 'method': method,
                                      'params': parameters}))
        while True:
            message = json.loads(self._socket.receive())
            if message.get('id') == self._number:
                if 'error' in message:
                    raise OSError(f'{method}: {message["error"]}')
                return message['result']
            self._note(message)

    def _note(self, event):
        if event.get('method') == 'Runtime.exceptionThrown':
            self.errors.append(event['params']['exceptionDetails']['text'])
        if event.get('method') == 'Log.entryAdded':
            entry = event['params']['entry']
            # A refused question is an answer here; the page shows it.
            if entry['level'] == 'error' and entry.get('source') != 'network':
                self.errors.append(entry['text'])

    def open(self, url):
        self.command('Page.navigate', url=url)
        self.wait_for('document.readyState === "complete"')

    def evaluate(self, expression):
        result = self.command('Runtime.evaluate', expression=expression, returnByValue=True,
                              awaitPromise=True)
        return result['result'].get('value')

    def wait_for(self, expression, seconds=60):
        """Waits until an expression is true in the page."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.evaluate(expression):
                return
            time.sleep(0.05)
        raise AssertionError(f'never true: {expression}')

    def type(self, text):
        """Types into what has the focus."""
        self.command('Input.insertText', text=text)

    def screenshot(self, path):
        picture = self.command('Page.captureScreenshot', format='png')['data']
        with open(path, 'wb') as stream:
            stream.write(base64.b64decode(picture))
