"""What a destination says of its deliveries, and that its secrets stay where they are."""
import subprocess
import time
import unittest

import test_export

TOKENS = {'bearer': {'kind': 'bearer', 'token': 'tell-nobody-1'},
          'basic': {'kind': 'basic', 'username': 'ana', 'password': 'tell-nobody-2'},
          'hmac': {'kind': 'hmac', 'secret': 'tell-nobody-3', 'header': 'X-Signature'},
          'oauth2': {'kind': 'oauth2', 'token_url': 'http://127.0.0.1:9/token', 'client_id': 'c',
                     'client_secret': 'tell-nobody-4', 'grant': 'refresh_token',
                     'refresh_token': 'tell-nobody-5'}}


class Deliveries(test_export.ReceivingCase):
    def status(self, client):
        return self.assert_ok(client.get('/v1/destinations/hook/status')).json()

    def test_a_destination_says_how_it_is_delivered_to(self):
        url, _ = self.receiver()
        _, client = self.started(options=test_export.LOOPBACK)
        self.define(client, url, concurrency=4, authorization=TOKENS['bearer'],
                    rate={'requests_per_second': 1000})
        self.assertEqual(self.status(client)['requests'], 0)
        self.run_to_end(client)
        status = self.status(client)
        self.assertEqual((status['breaker'], status['requests'], status['people']),
                         ('closed', 3, test_export.PEOPLE))
        self.assertEqual((status['in_flight'], status['concurrency'], status['errors']),
                         (0, 4, []))
        self.assertIn(b'muster_export_people 250', client.get('/metrics').body)
        self.assert_problem(client.get('/v1/destinations/none/status'), 404)

    def test_the_breaker_of_a_dead_destination_opens_and_closes(self):
        url, _ = self.receiver()
        _, client = self.started(options=test_export.LOOPBACK)
        self.define(client, 'http://127.0.0.1:9/', retry_schedule_ms=[0, 20_000], batch_size=10)
        client.post('/v1/syncs/pro-hook/run', {})
        deadline = time.monotonic() + 20
        while self.status(client)['breaker'] != 'open' and time.monotonic() < deadline:
            time.sleep(0.05)
        status = self.status(client)
        self.assertEqual((status['breaker'], status['failures'], len(status['errors'])),
                         ('open', 5, 1))
        self.assertEqual(status['errors'][0]['count'], 5)
        self.assertIsNotNone(status['hold_until'])
        self.assertIn(b'muster_export_breakers_open 1', client.get('/metrics').body)
        # Put again, it is trusted anew.
        self.assert_ok(client.put('/v1/destinations/hook', self.destination(url)))
        self.assertEqual(self.status(client)['breaker'], 'closed')

    def test_no_secret_of_an_authorization_comes_back(self):
        server, client = self.started(options=test_export.LOOPBACK)
        for name, authorization in TOKENS.items():
            with self.subTest(name):
                put = client.put(f'/v1/destinations/{name}', self.destination(
                    'http://127.0.0.1:9/', authorization=authorization))
                shown = self.assert_ok(put).body + client.get(f'/v1/destinations/{name}').body
                self.assertNotIn(b'tell-nobody', shown)
                self.assertIn(b'"***"', shown)
        self.assert_problem(client.put('/v1/destinations/evil', self.destination(
            'http://127.0.0.1:9/', authorization=dict(
                TOKENS['oauth2'], token_url='http://169.254.169.254/token'))), 403)
        server.stop()
        found = subprocess.run(['grep', '-rlF', 'tell-nobody', server.data, server.data + '.log'],
                               capture_output=True, text=True, check=False)
        self.assertEqual(found.stdout, '')


if __name__ == '__main__':
    unittest.main()
