"""Backups under load and what is restored from them; checkpoints of a real server."""
import json
import os
import shutil
import threading
import time
import unittest

from support import NDJSON, SECRET, MusterCase

DESTINATION = {'kind': 'webhook', 'url': 'https://example.com/hook', 'secret': SECRET}


def numbered(first, count):
    """Profiles whose two numbers always agree."""
    return ''.join(json.dumps({'profile_id': f'p{i}', 'left': i, 'right': i}) + '\n'
                   for i in range(first, first + count)).encode()


class Retention(MusterCase):
    """Data batches that leave the log, for an archive and back."""

    def retired(self, data):
        """How many records of the log are retired batches, as `muster inspect` counts them."""
        done = self.run_muster('inspect', '--data', data)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        line = next(each for each in done.stdout.splitlines() if 'retired batch' in each)
        return int(line.split()[2])

    def test_batches_leave_for_the_archive_and_come_back(self):
        archive = self.path('archive')
        server, client = self.started('data', ['--raw-retention', '0s', '--raw-archive', archive])
        left = 0
        for number in range(4):
            self.assert_ok(client.post('/v1/profiles', numbered(10 * number, 10), NDJSON))
            time.sleep(0.01)  # It is retired once it is older than 0 s.
            taken = client.post('/v1/checkpoint', {})
            self.assert_ok(taken)
            left += taken.json()['retired']
        self.assertGreater(left, 0)
        self.assertEqual(left, self.retired(server.data))
        self.assertEqual(client.count('everyone'), 40)
        done = self.run_muster('backup', '--data', server.data, '--to', self.path('backup'))
        self.assertEqual(done.returncode, 0, done.stderr)
        server.kill()

        verified = self.run_muster('verify', '--data', server.data)
        self.assertEqual(verified.returncode, 0, verified.stderr)
        self.assertIn('record 1 of the log is past its retention', verified.stderr)
        for data in ('data', 'backup'):
            again, reader = self.started(data)
            self.assertEqual(reader.count('everyone'), 40)
            again.kill()

        put_back = self.run_muster('unarchive', '--data', server.data, '--archive', archive)
        self.assertEqual(put_back.returncode, 0, put_back.stderr)
        self.assertEqual(json.loads(put_back.stdout)['records'], left)
        self.assertEqual(self.retired(server.data), 0)
        verified = self.run_muster('verify', '--data', server.data)
        self.assertEqual((verified.returncode, verified.stderr), (0, ''))
        shutil.rmtree(os.path.join(server.data, 'checkpoints'))
        _, whole = self.started('data')
        self.assertEqual(whole.count('everyone'), 40)

    def test_a_backup_while_batches_leave_has_all_of_them(self):
        server, client = self.started('data', ['--raw-retention', '0s'])
        self.assert_ok(client.post('/v1/profiles', numbered(0, 10), NDJSON))
        acknowledged = [10]
        ending = threading.Event()

        def write():
            own = server.client()
            while not ending.wait(0.02):
                self.assert_ok(own.post('/v1/profiles', numbered(acknowledged[0], 10), NDJSON))
                acknowledged[0] += 10
                self.assert_ok(own.post('/v1/checkpoint', {}))

        writer = threading.Thread(target=write)
        writer.start()
        try:
            while acknowledged[0] < 100:
                time.sleep(0.01)
            before = acknowledged[0]
            done = self.backup_in_time(server.data)
        finally:
            ending.set()
            writer.join()
        self.assertGreater(json.loads(done.stdout)['checkpoint'], 0)
        self.assertGreater(self.retired(self.path('backup')), 0)
        _, copy = self.started('backup')
        count = copy.count('everyone')
        self.assertGreaterEqual(count, before)
        self.assertLessEqual(count, acknowledged[0])
        self.assertEqual(copy.count('left != right'), 0)

    def backup_in_time(self, data):
        """A backup; where batches left faster than it was made, the next one may be in time."""
        for _ in range(20):
            done = self.run_muster('backup', '--data', data, '--to', self.path('backup'))
            if done.returncode == 0:
                return done
            self.assertIn('no checkpoint contains record', done.stderr)
        self.fail(done.stderr)

    def test_without_checkpoints_the_start_says_which_record_is_gone(self):
        server, client = self.started('data', ['--raw-retention', '0s'])
        for number in range(4):
            self.assert_ok(client.post('/v1/profiles', numbered(10 * number, 10), NDJSON))
            time.sleep(0.01)
            self.assert_ok(client.post('/v1/checkpoint', {}))
        server.kill()
        shutil.rmtree(os.path.join(server.data, 'checkpoints'))
        refused = self.run_muster('serve', '--data', server.data, '--listen', '127.0.0.1:0')
        self.assertEqual(refused.returncode, 1)
        self.assertIn('record 1 of the log is past its retention', refused.stderr)
        self.assertIn('restore a backup', refused.stderr)
        done = self.run_muster('backup', '--data', server.data, '--to', self.path('backup'))
        self.assertEqual(done.returncode, 1)
        self.assertIn('no checkpoint contains record', done.stderr)
        self.assertFalse(os.path.exists(self.path('backup')))

    def test_settings_that_make_no_sense_are_refused(self):
        for options, sentence in ((['--raw-retention', 'soon'], "'soon' is no length of time"),
                                  (['--raw-retention', '3w'], 'a number up to 100000'),
                                  (['--raw-archive', self.path('x')], 'say both'),
                                  (['--memory', '--raw-retention', '1d'], 'with --memory')):
            done = self.run_muster('serve', '--data', self.path('none'), '--listen',
                                   '127.0.0.1:0', *options)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn(sentence, done.stderr)


class Backups(MusterCase):
    def test_a_backup_under_load_is_of_one_record(self):
        server, client = self.started_with_people()
        self.assert_ok(client.post('/v1/profiles', numbered(0, 50), NDJSON))
        self.assert_ok(client.put('/v1/destinations/hook', DESTINATION))
        self.assert_ok(client.post('/v1/checkpoint', {}))
        acknowledged = [50]
        ending = threading.Event()

        def write():
            own = server.client()
            while not ending.is_set():
                self.assert_ok(own.post('/v1/profiles', numbered(acknowledged[0], 10), NDJSON))
                acknowledged[0] += 10

        writer = threading.Thread(target=write)
        writer.start()
        try:
            before = acknowledged[0]
            done = self.run_muster('backup', '--data', server.data, '--to', self.path('backup'),
                               '--keys', self.path('keys'))
        finally:
            ending.set()
            writer.join()
        self.assertEqual(done.returncode, 0, done.stderr)
        receipt = json.loads(done.stdout)
        self.assertGreater(receipt['checkpoint'], 0)
        self.assertTrue(receipt['keys'])
        self.assertFalse(os.path.exists(self.path('backup', 'secret.key')))

        # Without the keys of its destinations it does not start, and says what is missing.
        bare = self.run_muster('restore', '--from', self.path('backup'), '--to', self.path('bare'))
        self.assertEqual(bare.returncode, 0, bare.stderr)
        refused = self.run_muster('serve', '--data', self.path('bare'), '--listen', '127.0.0.1:0')
        self.assertEqual(refused.returncode, 1)
        self.assertIn('secret.key is missing', refused.stderr)

        done = self.run_muster('restore', '--from', self.path('backup'), '--to', self.path('again'),
                           '--keys', self.path('keys'))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)['record'], receipt['record'])
        _, restored = self.started('again')
        ready = restored.get('/readyz').json()
        self.assertEqual(ready['snapshot'], receipt['record'])
        self.assertEqual(ready['checkpoint'], receipt['checkpoint'])
        count = restored.count('left is present')
        self.assertGreaterEqual(count, before)
        self.assertLessEqual(count, acknowledged[0])
        self.assertEqual(restored.count('left != right'), 0)
        self.assertEqual(count, restored.count(f'left < {count}'))
        self.assert_ok(restored.post('/v1/profiles', numbered(0, 1), NDJSON))

    def test_nothing_is_replaced(self):
        server, _ = self.started_with_people()
        os.makedirs(self.path('there'))
        done = self.run_muster('backup', '--data', server.data, '--to', self.path('there'))
        self.assertEqual(done.returncode, 1)
        self.assertIn('is there already', done.stderr)
        done = self.run_muster('restore', '--from', self.path('nowhere'), '--to', self.path('x'))
        self.assertEqual(done.returncode, 1)
        self.assertFalse(os.path.exists(self.path('x')))


class Checkpoints(MusterCase):
    def test_a_start_from_one_knows_what_came_before_and_behind(self):
        server, client = self.started_with_people()
        self.assert_ok(client.post('/v1/profiles', numbered(0, 200), NDJSON))
        first = self.assert_ok(client.post('/v1/checkpoint', {})).json()
        self.assertGreater(first['sections_written'], 0)
        self.assert_ok(client.post('/v1/profiles', numbered(200, 1), NDJSON))
        people = client.count('everyone')
        server.kill()
        server.start()
        client = server.client()
        self.assertEqual(client.get('/readyz').json()['checkpoint'], first['snapshot'])
        self.assertEqual(client.count('everyone'), people)
        self.assertEqual(client.count('left = 200'), 1)
        second = self.assert_ok(client.post('/v1/checkpoint', {})).json()
        self.assertLess(second['bytes_written'], second['bytes'] / 2)
        self.assertIn(f'muster_checkpoint_snapshot {second["snapshot"]}',
                      client.get('/metrics').body.decode())

    def test_verify_holds_it_against_the_log_and_rebuild_makes_it_anew(self):
        server, client = self.started_with_people()
        self.assert_ok(client.post('/v1/profiles', numbered(0, 300), NDJSON))
        self.assert_ok(client.delete('/v1/profiles/p7'))
        made = self.assert_ok(client.post('/v1/checkpoint', {})).json()
        self.assert_ok(client.post('/v1/profiles', numbered(250, 100), NDJSON))
        people = client.count('everyone')
        # Also beside a server.
        done = self.run_muster('verify', '--data', server.data, '--json')
        self.assertEqual(done.returncode, 0, done.stderr)
        said = json.loads(done.stdout)
        self.assertEqual(said['different'], 0)
        self.assertEqual(said['checkpoint'], made['snapshot'])
        self.assertGreater(said['parts'], 10)
        self.assertEqual(self.run_muster('rebuild', '--data', server.data).returncode, 1)
        self.assertEqual(server.stop(), 0)
        done = self.run_muster('rebuild', '--data', server.data)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(', 0 of them not as the log has them', done.stdout)
        server.start()
        ready = server.client().get('/readyz').json()
        self.assertEqual(ready['checkpoint'], ready['snapshot'])
        self.assertEqual(server.client().count('everyone'), people)

    def test_nothing_restored_brings_back_who_was_erased(self):
        server, client = self.started('data')
        self.assert_ok(client.put('/v1/schema', {
            'identifiers': {'email': {'normalise': 'email'}}, 'profiles': {'id': 'id'},
            'events': {'profile': 'email', 'identifier': 'email', 'name': 'type', 'time': 'ts'}}))
        people = ''.join(json.dumps({'id': who, 'email': f'{who}@example.com'}) + '\n'
                         for who in ('ana', 'ben', 'eve')).encode()
        self.assert_ok(client.post('/v1/profiles', people, NDJSON))
        self.assertEqual(self.assert_ok(client.delete('/v1/profiles/eve')).json()['suppressed'], 2)
        done = self.run_muster('backup', '--data', server.data, '--to', self.path('monday'))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('who was erased (1 erasures)', done.stderr)
        self.assert_ok(client.delete('/v1/profiles/ana'))
        keys = self.path('keys')
        done = self.run_muster('backup', '--data', server.data, '--to', self.path('tuesday'),
                               '--keys', keys)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)['erased'], 2)
        server.kill()

        refused = self.run_muster('restore', '--from', self.path('monday'),
                                  '--to', self.path('restored'))
        self.assertEqual(refused.returncode, 1)
        self.assertIn('1 erasures are known', refused.stderr)
        done = self.run_muster('restore', '--from', self.path('monday'),
                               '--to', self.path('restored'), '--keys', keys)
        self.assertEqual(done.returncode, 0, done.stderr)
        again, client = self.started('restored')
        self.assertEqual(client.count('everyone'), 1)
        late = json.dumps({'email': 'Ana@example.com', 'type': 'visit',
                           'ts': '2026-01-01T00:00:00Z'}).encode()
        receipt = self.assert_ok(client.post('/v1/events', late, NDJSON)).json()
        self.assertEqual((receipt['accepted'], receipt['rejected']), (0, 1))
        self.assertEqual(client.count('everyone'), 1)
        again.kill()

        os.remove(os.path.join(self.path('restored'), 'suppression'))
        done = self.run_muster('serve', '--data', self.path('restored'), '--listen', '127.0.0.1:0')
        self.assertEqual(done.returncode, 1)
        self.assertIn('suppression is missing, and the log knows of 3 erasures', done.stderr)

    def test_inspect_names_a_damaged_one_and_the_server_goes_on_without(self):
        server, client = self.started_with_people()
        self.assert_ok(client.post('/v1/checkpoint', {}))
        people = client.count('everyone')
        self.assertEqual(server.stop(), 0)
        folder = os.path.join(server.data, 'checkpoints')
        blocks = [name for name in os.listdir(folder) if name.startswith('blocks-')]
        path = os.path.join(folder, blocks[0])
        with open(path, 'r+b') as stream:
            stream.seek(os.path.getsize(path) // 2)
            byte = stream.read(1)
            stream.seek(-1, os.SEEK_CUR)
            stream.write(bytes([byte[0] ^ 1]))
        done = self.run_muster('inspect', '--data', server.data)
        self.assertEqual(done.returncode, 1)
        self.assertIn(blocks[0], done.stdout)
        server.start()
        self.assertIn('is passed over', server.log_tail())
        self.assertEqual(server.client().count('everyone'), people)


if __name__ == '__main__':
    unittest.main()
