"""tools/receiver.py: its verdicts on signatures, published ones among them."""
import base64
import hashlib
import hmac
import http.client
import json
import threading
import time
import unittest

from support import SECRET, has_shared_data, shared
import receiver


def signed_headers(secret, message, stamp, body):
    content = f'{message}.{stamp}.'.encode() + body
    digest = hmac.new(receiver.key_of(secret), content, hashlib.sha256).digest()
    return {'webhook-id': message, 'webhook-timestamp': stamp,
            'webhook-signature': 'v1,' + base64.b64encode(digest).decode()}


class ReceiverTest(unittest.TestCase):
    def test_the_published_vectors(self):
        if not has_shared_data():
            return
        with open(shared('data', 'hostile', 'webhooks', 'signatures.json'),
                  encoding='utf-8') as stream:
            vectors = json.load(stream)
        for vector in vectors:
            with self.subTest(vector['name']):
                headers = {'webhook-id': vector['id'], 'webhook-timestamp': vector['timestamp'],
                           'webhook-signature': vector['signature']}
                body = base64.b64decode(vector['body_base64'])
                verdict = receiver.verdict_of(receiver.key_of(vector['secret']), headers, body,
                                              vector['now'])
                self.assertEqual(verdict, vector['verdict'])

    def test_answers_over_http(self):
        server = receiver.Receiver(SECRET)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        good = signed_headers(SECRET, 'msg_1', str(int(time.time())), b'{}')
        for headers, body, status in ((good, b'{}', 204), (good, b'{ }', 401), ({}, b'{}', 401)):
            connection = http.client.HTTPConnection(*server.server_address, timeout=10)
            self.addCleanup(connection.close)
            connection.request('POST', '/', body=body, headers=headers)
            self.assertEqual(connection.getresponse().status, status)
        self.assertEqual([one['verdict'] for one in server.deliveries],
                         ['ok', 'bad', 'malformed'])


if __name__ == '__main__':
    unittest.main()
