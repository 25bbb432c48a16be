"""The exporter against a destination that misbehaves: everybody once, signed, and accounted for."""
import json
import os
import subprocess
import sys
import time
import unittest

from support import NDJSON, SECRET, MusterCase, has_shared_data, muster_client, shared
import receiver

LOOPBACK = ['--allow-destination', '127.0.0.1/32']
PEOPLE = 250
# Fast, so that a test sees many attempts; the destination's own Retry-After comes on top.
SCHEDULE_MS = [0, 50, 100, 200, 400]


def rows(first, last):
    return b''.join(b'{"profile_id":"p%04d","email":"p%04d@example.com","plan":"pro"}\n' % (n, n)
                    for n in range(first, last))


class ExportCase(MusterCase):
    def destination(self, url, **more):
        return {'kind': 'webhook', 'url': url, 'secret': SECRET, 'batch_size': 100,
                'retry_schedule_ms': SCHEDULE_MS, 'max_attempts': 50, **more}

    def define(self, client, url, **more):
        self.assert_ok(client.put('/v1/schema', {'profiles': {'id': 'profile_id'}}))
        self.assert_ok(client.post('/v1/profiles', rows(0, PEOPLE), NDJSON))
        self.assert_ok(client.put('/v1/segments/pro', {'where': 'plan = "pro"', 'name': 'Pro'}))
        self.assert_ok(client.put('/v1/destinations/hook', self.destination(url, **more)))
        self.assert_ok(client.put('/v1/syncs/pro-hook', {
            'segment': 'pro', 'destination': 'hook', 'mode': 'diff',
            'mapping': {'mail': 'email'}, 'schedule': 'manual'}))

    def run_to_end(self, client, seconds=60):
        """Asks for a run and returns its last view."""
        number = self.assert_ok(client.post('/v1/syncs/pro-hook/run', {})).json()['run']
        return self.wait_for_run(client, number, seconds)

    def wait_for_run(self, client, number, seconds=60):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            newest = client.get('/v1/syncs/pro-hook/runs').json()['items'][0]
            if newest['run'] == number and newest['state'] in ('finished', 'incomplete', 'failed'):
                return newest
            time.sleep(0.05)
        self.fail(f'the run does not end: {newest}')

    def assert_adds_up(self, run):
        counts = run['counts']
        parts = ('sent', 'already_there', 'held_out', 'excluded', 'unidentifiable', 'rejected',
                 'pending')
        self.assertEqual(counts['audience'], sum(counts[part] for part in parts), counts)
        self.assertTrue(counts['adds_up'])
        return counts


class HostileReceiver(ExportCase):
    """hostile_receiver.py as the destination: it plays faults, and judges what it saw."""

    def receiver(self):
        self.log = self.path('seen.ndjson')
        ready = self.path('receiver.json')
        process = subprocess.Popen(
            [sys.executable, shared('tools', 'hostile_receiver.py'), '--log', self.log,
             '--ready-file', ready, '--secret', SECRET, '--items', '/members/*/id'],
            stdout=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if os.path.exists(ready):
                try:
                    with open(ready, encoding='utf-8') as stream:
                        return json.load(stream)
                except ValueError:
                    pass
            time.sleep(0.05)
        self.fail('the receiver does not start')

    def url_of(self, ready, script, name='orders'):
        base = next(value for value in ready.values()
                    if isinstance(value, str) and value.startswith('http'))
        return f'{base.rstrip("/")}/m/{script}/{name}'

    def check(self, ids, *options):
        """The receiver's own verdict on what it saw."""
        expected = self.write('expected.txt', '\n'.join(ids) + '\n')
        done = subprocess.run(
            [sys.executable, shared('tools', 'hostile_receiver.py'), 'check', self.log,
             '--expect-items', expected, '--only-expected', '--require-signature',
             '--honour-retry-after', *options], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_faults_then_success(self):
        """500s, a 429 with Retry-After, a reset, then success, for every message."""
        if not has_shared_data():
            return
        ready = self.receiver()
        _, client = self.started(options=LOOPBACK)
        self.define(client, self.url_of(ready, '500*2,429:1,reset,200'))
        run = self.run_to_end(client)
        self.assertEqual(run['state'], 'finished', run)
        counts = self.assert_adds_up(run)
        self.assertEqual((counts['audience'], counts['sent']), (PEOPLE, PEOPLE))
        self.check(client.members('plan = "pro"'), '--max-duplicates', '0')
        ledger = client.get('/v1/syncs/pro-hook/ledger').json()
        self.assertEqual(ledger['sent'], PEOPLE)
        self.assertTrue(ledger['line'].endswith(': adds up'), ledger)

    def test_only_the_difference_is_sent(self):
        if not has_shared_data():
            return
        ready = self.receiver()
        _, client = self.started(options=LOOPBACK)
        self.define(client, self.url_of(ready, '200'))
        self.run_to_end(client)
        again = self.assert_adds_up(self.run_to_end(client))
        self.assertEqual((again['already_there'], again['sent']), (PEOPLE, 0))
        change = (b'{"profile_id":"p0000","plan":"free"}\n{"profile_id":"p0001","email":"n@x.io"}\n'
                  + rows(PEOPLE, PEOPLE + 3))
        self.assert_ok(client.post('/v1/profiles', change, NDJSON))
        third = self.assert_adds_up(self.run_to_end(client))
        self.assertEqual(third['audience'], PEOPLE + 2)
        self.assertEqual(third['sent'], 4)
        self.assertEqual((third['removals']['total'], third['removals']['sent']), (1, 1))

    def test_a_kill_in_the_middle_loses_nobody(self):
        if not has_shared_data():
            return
        ready = self.receiver()
        server, client = self.started(options=LOOPBACK)
        self.define(client, self.url_of(ready, '500,slow:0.3,200'), batch_size=10)
        number = client.post('/v1/syncs/pro-hook/run', {}).json()['run']
        for _ in range(3):
            time.sleep(0.4)
            client.close()
            server.kill()
            client = server.start().client()
        run = self.wait_for_run(client, number)
        counts = self.assert_adds_up(run)
        self.assertEqual(counts['audience'], PEOPLE)
        self.assertEqual(counts['sent'] + counts['already_there'], PEOPLE)
        self.check(client.members('plan = "pro"'))


class ReceivingCase(ExportCase):
    """tools/receiver.py as the destination; needs no shared data."""

    def receiver(self):
        log, ready = self.path('seen.ndjson'), self.path('receiver.ready')
        process = subprocess.Popen(
            [sys.executable, receiver.__file__, '--secret', SECRET, '--ready-file', ready,
             '--log', log], stdout=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            url = muster_client.url_of_ready_file(ready)
            if url:
                return url, log
            time.sleep(0.02)
        self.fail('the receiver does not start')


class OwnReceiver(ReceivingCase):
    """Deliveries as that receiver sees them."""

    def test_every_member_arrives_signed(self):
        url, log = self.receiver()
        _, client = self.started(options=LOOPBACK)
        self.define(client, url)
        counts = self.assert_adds_up(self.run_to_end(client))
        self.assertEqual(counts['sent'], PEOPLE)
        with open(log, encoding='utf-8') as stream:
            deliveries = [json.loads(line) for line in stream]
        self.assertEqual({one['verdict'] for one in deliveries}, {'ok'})
        people = [member for one in deliveries for member in json.loads(one['body'])['members']]
        self.assertEqual(sorted(one['id'] for one in people),
                         sorted(client.members('plan = "pro"')))
        self.assertEqual(people[0]['mail'], f'{people[0]["id"]}@example.com')

    def test_a_private_address_is_refused_unless_allowed(self):
        url, _ = self.receiver()
        _, client = self.started()
        answer = client.put('/v1/destinations/hook', self.destination(url))
        self.assert_problem(answer, 400, 403, 422)
        self.assert_problem(client.get('/v1/destinations/hook'), 404)

    def test_a_secret_is_never_read_back(self):
        url, _ = self.receiver()
        server, client = self.started(options=LOOPBACK)
        self.define(client, url)
        for path in ('/v1/destinations/hook', '/v1/destinations'):
            self.assertNotIn(SECRET.encode(), client.get(path).body)
        server.stop()
        found = subprocess.run(['grep', '-rlF', SECRET, server.data, server.data + '.log'],
                               capture_output=True, text=True, check=False)
        self.assertEqual(found.stdout, '')


if __name__ == '__main__':
    unittest.main()
