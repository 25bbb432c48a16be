"""Data keys are replaced beside a server's work, and a kill at any place is gone on from."""
import json
import os
import shutil
import stat
import threading
import time

from support import NDJSON, ROOT, MusterCase

PEOPLE = 3_000
DISK_SHIM = os.path.join(ROOT, 'build', 'release', 'tests', 'torture', 'libdisk_shim.so')
MAGIC = b'MUSTCRYP'


def people(first, count):
    return ''.join(json.dumps({'profile_id': f'p{first + i}', 'note': f'{first + i} ' + 'x' * 900})
                   + '\n' for i in range(count)).encode()


class Rotation(MusterCase):
    """A server with a key, and whoever kept the keyring of before."""

    def setUp(self):
        super().setUp()
        path = self.write('shop.key', 'a' * 64 + '\n')
        os.chmod(path, stat.S_IRUSR | stat.S_IWUSR)
        self.key = ['--encryption-key', f'file:{path}']
        self.archive = ['--raw-retention', '0s', '--raw-archive', self.path('archive')]

    def loaded(self):
        server, client = self.started('data', ['--checkpoint-mib', '0', *self.key, *self.archive])
        for first in range(0, PEOPLE, 500):
            self.assert_ok(client.post('/v1/profiles', people(first, 500), NDJSON))
            self.assert_ok(client.post('/v1/checkpoint', {}))
        return server, client

    def used(self):
        """Numbers of the data keys that files of the server and its archive stand under."""
        numbers = {}
        for folder in ('data', 'archive'):
            for place, _, names in os.walk(self.path(folder)):
                for name in names:
                    try:
                        with open(os.path.join(place, name), 'rb') as stream:
                            head = stream.read(16)
                    except FileNotFoundError:
                        continue
                    if head[:8] == MAGIC:
                        numbers.setdefault(int.from_bytes(head[8:12], 'little'), []).append(name)
        return numbers

    def wait_for_the_end(self, client):
        self.wait_until(lambda: self.assert_ok(client.get('/v1/encryption')).json()['rotation']
                        != 'running', seconds=60)
        return client.get('/v1/encryption').json()

    def test_everything_comes_under_another_key_while_rows_and_questions_go_on(self):
        server, client = self.loaded()
        self.assertEqual(list(self.used()), [1])
        begun = client.post('/v1/encryption/rotate', {})
        self.assertEqual(begun.status, 202, begun.body)
        self.assertEqual(begun.json()['rotation'], 'running')
        self.assert_problem(client.post('/v1/encryption/rotate', {}), 409)
        added, times = 0, []
        while client.get('/v1/encryption').json()['rotation'] == 'running':
            asked = time.monotonic()
            self.assert_ok(client.post('/v1/profiles', people(PEOPLE + added, 1), NDJSON))
            added += 1
            self.assertEqual(client.count('everyone'), PEOPLE + added)
            times.append(time.monotonic() - asked)
        self.assertGreater(added, 0)
        self.assertLess(sorted(times)[len(times) * 9 // 10], 2.0)
        done = self.wait_for_the_end(client)
        self.assertEqual((done['rotation'], done['unreachable']), ('idle', []), done)
        self.assertEqual([key['key'] for key in done['keys']], [2])
        self.assertEqual(list(self.used()), [2])
        self.assertEqual(server.stop(), 0)
        for command in ('inspect', 'verify'):
            told = self.run_muster(command, '--data', server.data, *self.key)
            self.assertEqual(told.returncode, 0, told.stdout + told.stderr)
        told = self.run_muster('inspect', '--data', server.data, *self.key)
        self.assertIn('data key         2: ', told.stdout)
        self.assertNotIn('data key         1', told.stdout)
        put_back = self.run_muster('unarchive', '--data', server.data, '--archive',
                                   self.path('archive'), *self.key)
        self.assertEqual(put_back.returncode, 0, put_back.stderr)
        self.assertGreater(json.loads(put_back.stdout)['records'], 0)

    def test_a_killed_server_goes_on_with_it(self):
        server, client = self.loaded()
        kills = 0
        for wait in (0.0, 0.0, 0.0, 0.01, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4):
            if client.get('/v1/encryption').json()['rotation'] != 'running':
                self.assertEqual(client.post('/v1/encryption/rotate', {}).status, 202)
            time.sleep(wait)
            kills += client.get('/v1/encryption').json()['rotation'] == 'running'
            server.kill()
            server.start()
            client = server.client()
            self.assertEqual(client.count('everyone'), PEOPLE)
        self.assertGreater(kills, 1, 'hardly a rotation was killed')
        done = self.wait_for_the_end(client)
        self.assertEqual((done['rotation'], done['unreachable']), ('idle', []), done)
        self.assertEqual(list(self.used()), [done['newest_key']])
        self.assertEqual(len(done['keys']), 1)
        server.kill()
        server.start()
        self.assertEqual(server.client().count('everyone'), PEOPLE)

    def test_a_stopped_one_goes_on_and_so_does_a_directory_without_a_server(self):
        server, client = self.loaded()
        self.assertEqual(client.post('/v1/encryption/rotate', {}).status, 202)
        self.assertEqual(server.stop(), 0)
        busy = self.run_muster('rotate', '--data', self.path('data'), '--raw-archive',
                               self.path('archive'), *self.key)
        self.assertEqual(busy.returncode, 0, busy.stderr)
        done = json.loads(busy.stdout)
        self.assertEqual([key['key'] for key in done['keys']], [done['newest_key']])
        self.assertEqual(list(self.used()), [done['newest_key']])
        without = self.run_muster('rotate', '--data', self.path('data'), *self.key)
        self.assertEqual(without.returncode, 0, without.stderr)
        self.assertNotEqual(json.loads(without.stdout)['unreachable'], [])

    def test_a_fault_at_any_sync_of_it_loses_nothing(self):
        """Told that a sync failed, at each of a rotation; killed, or cut from power, at many."""
        self.assertTrue(os.path.exists(DISK_SHIM), 'build the target disk_shim')
        server, client = self.loaded()
        client.close()
        server.kill()
        whole = {name: self.path('whole', name) for name in ('data', 'archive')}
        for name, kept in whole.items():
            shutil.copytree(self.path(name), kept)
        rotate = ['rotate', '--data', self.path('data'), '--raw-archive', self.path('archive')]
        faults = {'kill': 0, 'cut': 0, 'fail': 0}
        for kind in faults:
            number, step = 1, 1
            while True:
                for name, kept in whole.items():
                    shutil.rmtree(self.path(name))
                    shutil.copytree(kept, self.path(name))
                done = self.run_muster(*rotate, *self.key, env={
                    **os.environ, 'LD_PRELOAD': DISK_SHIM, 'MUSTER_DISK': f'{kind}:{number}'})
                if done.returncode == 0:
                    break
                faults[kind] += 1
                what = f'{kind} at sync {number}: {done.stderr}'
                again = self.run_muster(*rotate, *self.key)
                self.assertEqual(again.returncode, 0, what + again.stderr)
                left = json.loads(again.stdout)
                self.assertEqual((left['rotation'], left['unreachable']), ('idle', []), what)
                self.assertEqual(list(self.used()), [left['newest_key']], what)
                if number % 4 == 0 or kind != 'fail':
                    told = self.run_muster('verify', '--data', self.path('data'), *self.key)
                    self.assertEqual(told.returncode, 0, what + told.stdout + told.stderr)
                # Each that fails: two of seventy once left a log that named files it had lost.
                step += number > 4 and kind != 'fail'
                number += step
        print(f'faults in a rotation: {faults}', flush=True)
        self.assertGreater(min(faults.values()), 6, faults)
        server.start()
        self.assertEqual(server.client().count('everyone'), PEOPLE)
    test_a_fault_at_any_sync_of_it_loses_nothing.slow = True

    def test_a_backup_that_is_taken_meanwhile_is_restored(self):
        server, client = self.loaded()
        outcome = {}

        def back_up():
            outcome['done'] = self.run_muster(
                'backup', '--data', server.data, '--to', self.path('backup'),
                '--keys', self.path('keys'), *self.key)
        self.assertEqual(client.post('/v1/encryption/rotate', {}).status, 202)
        thread = threading.Thread(target=back_up)
        thread.start()
        thread.join()
        self.assertEqual(outcome['done'].returncode, 0, outcome['done'].stderr)
        self.wait_for_the_end(client)
        done = self.run_muster('restore', '--from', self.path('backup'), '--keys',
                               self.path('keys'), '--to', self.path('restored'), *self.key)
        self.assertEqual(done.returncode, 0, done.stderr)
        _, client = self.started('restored', self.key)
        self.assertEqual(client.count('everyone'), PEOPLE)

    def test_the_command_waits_for_the_server_and_plain_data_have_none(self):
        server, client = self.loaded()
        done = self.run_muster('rotate', '--server', server.url)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)['rotation'], 'idle')
        self.assertEqual(client.get('/v1/encryption').json()['newest_key'], 2)
        _, plain = self.started('plain')
        self.assert_problem(plain.post('/v1/encryption/rotate', {}), 400, 409, 422, 501)
        self.assertFalse(self.assert_ok(plain.get('/v1/encryption')).json()['encrypted'])
