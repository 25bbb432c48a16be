#!/usr/bin/env python3
"""A small webhook receiver: verifies Standard Webhooks signatures and keeps what arrived.

    tools/receiver.py --secret whsec_... [--port N] [--ready-file FILE] [--log FILE]

Answers 204 to a delivery whose signature is valid and 401 to any other; writes one JSON line per
delivery to --log (webhook id, verdict, body, traceparent). It is an example to copy from, and what
tools/quickstart sends its export to. Python 3 standard library only.
"""
import argparse
import base64
import binascii
import hashlib
import hmac
import http.server
import json
import os
import sys
import threading
import time

TOLERANCE_S = 300
BODY_BYTES_MAX = 16 << 20


def key_of(secret):
    """The key bytes of a secret `whsec_BASE64`."""
    return base64.b64decode(secret.removeprefix('whsec_'), validate=True)


def verdict_of(key, headers, body, now):
    """'ok', 'bad', 'stale', 'future' or 'malformed'. `headers` has lower-case names."""
    message = headers.get('webhook-id', '')
    stamp = headers.get('webhook-timestamp', '')
    given = [part[3:] for part in headers.get('webhook-signature', '').split(' ')
             if part.startswith('v1,')]
    if not message or not stamp.isascii() or not stamp.isdigit() or not given:
        return 'malformed'
    signed = f'{message}.{stamp}.'.encode() + body
    wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    # All are compared, in constant time, so that nothing is learnt from how long it took.
    if not any([hmac.compare_digest(wanted.encode(), one.encode()) for one in given]):
        return 'bad'
    age = now - int(stamp)
    if age > TOLERANCE_S:
        return 'stale'
    return 'future' if age < -TOLERANCE_S else 'ok'


class Receiver(http.server.ThreadingHTTPServer):
    """Listens on loopback; `deliveries` holds what arrived, oldest first."""

    daemon_threads = True

    def __init__(self, secret, port=0, log=None):
        super().__init__(('127.0.0.1', port), Handler)
        self.key = key_of(secret)
        self.deliveries = []
        self._lock = threading.Lock()
        self._log = log

    @property
    def url(self):
        return f'http://127.0.0.1:{self.server_address[1]}/'

    def keep(self, delivery):
        with self._lock:
            self.deliveries.append(delivery)
            if self._log:
                with open(self._log, 'a', encoding='utf-8') as stream:
                    stream.write(json.dumps(delivery) + '\n')


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *_):
        pass

    def do_POST(self):
        length = self.headers.get('Content-Length', '')
        if not length.isdigit() or int(length) > BODY_BYTES_MAX:
            self.close_connection = True
            self.reply(411 if not length.isdigit() else 413)
            return
        body = self.rfile.read(int(length))
        headers = {name.lower(): value for name, value in self.headers.items()}
        verdict = verdict_of(self.server.key, headers, body, time.time())
        self.server.keep({'id': headers.get('webhook-id', ''), 'verdict': verdict,
                          'body': body.decode('utf-8', 'replace'),
                          'traceparent': headers.get('traceparent', '')})
        self.reply(204 if verdict == 'ok' else 401)

    def reply(self, status):
        self.send_response(status)
        self.send_header('Content-Length', '0')
        self.end_headers()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--secret', required=True, help='whsec_... as the destination has it')
    parser.add_argument('--port', type=int, default=0, help='0 picks a free one')
    parser.add_argument('--ready-file', help='the address is written there')
    parser.add_argument('--log', help='NDJSON file to append deliveries to')
    asked = parser.parse_args()
    try:
        receiver = Receiver(asked.secret, asked.port, asked.log)
    except (binascii.Error, OSError) as error:
        print(f'receiver: {error}', file=sys.stderr)
        return 1
    print(f'receiver: listening on {receiver.url}', flush=True)
    if asked.ready_file:
        with open(asked.ready_file + '.new', 'w', encoding='utf-8') as stream:
            stream.write(receiver.url + '\n')
        os.replace(asked.ready_file + '.new', asked.ready_file)
    try:
        receiver.serve_forever()
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == '__main__':
    sys.exit(main())
