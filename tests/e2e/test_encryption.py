"""Encryption at rest: one setting, and nothing personal is to be read on the disk."""
import json
import os
import stat

from support import NDJSON, MusterCase

MARKS = ('marked-ana-4711', 'marked-street-0815', 'marked-page-2342')
PEOPLE = ''.join(json.dumps({'profile_id': f'{MARKS[0]}-{i}', 'street': f'{MARKS[1]}-{i}'}) + '\n'
                 for i in range(500)).encode()
EVENTS = ''.join(json.dumps({'profile_id': f'{MARKS[0]}-{i}', 'type': 'view', 'event_id': f'e{i}',
                             'ts': '2026-01-01T00:00:00Z', 'page': f'{MARKS[2]}-{i}'}) + '\n'
                 for i in range(500)).encode()
SCHEMA = {'events': {'name': 'type', 'time': 'ts', 'id': 'event_id'}}


class Encryption(MusterCase):
    """A server with a key, and whoever has its files without one."""

    def key(self, name, digit='a'):
        path = self.write(name, digit * 64 + '\n')
        os.chmod(path, stat.S_IRUSR | stat.S_IWUSR)
        return f'file:{path}'

    def loaded(self, options):
        server, client = self.started('data', ['--checkpoint-mib', '0', *options])
        self.assert_ok(client.put('/v1/schema', SCHEMA))
        self.assert_ok(client.post('/v1/profiles', PEOPLE, NDJSON))
        self.assert_ok(client.post('/v1/events', EVENTS, NDJSON))
        self.assert_ok(client.post('/v1/checkpoint', {}))
        self.assert_ok(client.put('/v1/segments/all', {'where': 'everyone'}))
        return server, client

    def marked_files(self):
        """Files below the test's folder in which a marked value can be read."""
        found = []
        for place, _, names in os.walk(self.folder):
            for name in names:
                with open(os.path.join(place, name), 'rb') as stream:
                    content = stream.read()
                found += [name for mark in MARKS if mark.encode() in content]
        return found

    def test_nothing_marked_is_on_the_disk_and_all_is_there_again(self):
        key = ['--encryption-key', self.key('first.key')]
        archive = ['--raw-retention', '0s', '--raw-archive', self.path('archive')]
        server, client = self.loaded([*key, *archive])
        self.assert_ok(client.post('/v1/profiles', PEOPLE, NDJSON))
        self.assertGreater(self.assert_ok(client.post('/v1/checkpoint', {})).json()['retired'], 0)
        server.kill()
        server.start()
        client = server.client()
        self.assertEqual(client.count('did "view"'), 500)
        self.assertEqual(client.count(f'street = "{MARKS[1]}-7"'), 1)
        done = self.run_muster('backup', '--data', server.data, '--to', self.path('backup'),
                               '--keys', self.path('keys'), *key)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(server.stop(), 0)
        self.assertEqual(self.marked_files(), [])

        put_back = self.run_muster('unarchive', '--data', server.data, '--archive',
                                   self.path('archive'), *key)
        self.assertEqual(put_back.returncode, 0, put_back.stderr)
        for command in ('inspect', 'verify', 'rebuild'):
            done = self.run_muster(command, '--data', server.data, *key)
            self.assertEqual(done.returncode, 0, command + done.stderr)
        self.assertEqual(self.marked_files(), [])

        refused = self.run_muster('restore', '--from', self.path('backup'),
                                  '--to', self.path('restored'), *key)
        self.assertIn('name the directory that has its keyring', self.assert_one_sentence(refused))
        done = self.run_muster('restore', '--from', self.path('backup'), '--keys',
                               self.path('keys'), '--to', self.path('restored'), *key)
        self.assertEqual(done.returncode, 0, done.stderr)
        _, client = self.started('restored', key)
        self.assertEqual(client.count('did "view"'), 500)
        self.assertEqual(self.marked_files(), [])

    def test_without_the_setting_it_is_all_there_to_be_read(self):
        self.loaded([])
        self.assertNotEqual(self.marked_files(), [])

    def test_a_wrong_key_is_refused_and_nothing_is_changed(self):
        first, other = self.key('first.key'), self.key('other.key', 'b')
        server, _ = self.loaded(['--encryption-key', first])
        self.assertEqual(server.stop(), 0)
        before = self.contents(server.data)
        listen = ['--listen', '127.0.0.1:0']
        wrong = self.run_muster('serve', '--data', server.data, *listen, '--encryption-key', other)
        self.assertIn('is not the one that', self.assert_one_sentence(wrong))
        without = self.run_muster('serve', '--data', server.data, *listen)
        self.assertIn('are encrypted: say where their key is', self.assert_one_sentence(without))
        none = self.run_muster('serve', '--data', server.data, *listen,
                               '--encryption-key', 'file:/nowhere')
        self.assertIn('/nowhere', self.assert_one_sentence(none))
        self.assertEqual(self.contents(server.data), before)
        again, client = self.started('data', ['--encryption-key', first])
        self.assertEqual(client.count('everyone'), 500)
        again.kill()

    @staticmethod
    def contents(folder):
        found = {}
        for place, _, names in os.walk(folder):
            for name in names:
                with open(os.path.join(place, name), 'rb') as stream:
                    found[os.path.join(place, name)] = stream.read()
        return found

    def test_another_key_takes_over_while_the_server_runs(self):
        first, second = self.key('first.key'), self.key('second.key', 'c')
        server, client = self.loaded(['--encryption-key', first])
        done = self.run_muster('rekey', '--data', server.data, '--encryption-key', first,
                               '--new-encryption-key', second)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_ok(client.post('/v1/profiles', PEOPLE.replace(b'ana', b'ben'), NDJSON))
        server.kill()
        refused = self.run_muster('serve', '--data', server.data, '--encryption-key', first)
        self.assertIn('is not the one that', self.assert_one_sentence(refused))
        _, client = self.started('data', ['--encryption-key', f'command:cat {second[5:]}'])
        self.assertEqual(client.count('everyone'), 1000)

    def test_an_erased_person_is_in_no_backup_that_has_the_newest_keys(self):
        key = ['--encryption-key', self.key('first.key')]
        server, client = self.loaded(key)
        self.assert_ok(client.post('/v1/checkpoint', {}))
        backup, keys, old = self.path('backup'), self.path('keys'), self.path('old')
        command = ['backup', '--data', server.data, *key]
        done = self.run_muster(*command, '--to', backup, '--keys', old)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn('person-keys', os.listdir(backup))
        erased = f'{MARKS[0]}-7'
        self.assert_ok(client.delete(f'/v1/profiles/{erased}'))
        server.kill()
        server.start()
        client = server.client()
        self.assertEqual(client.count('everyone'), 499)
        self.assertEqual(client.count(f'street = "{MARKS[1]}-7"'), 0)
        self.assertEqual(client.count(f'street = "{MARKS[1]}-8"'), 1)
        later = self.path('later')
        done = self.run_muster(*command, '--to', later, '--keys', keys)
        self.assertEqual(done.returncode, 0, done.stderr)
        restore = ['restore', *key]

        # Older keys than the backup knows of, and none at all.
        os.rename(f'{keys}/person-keys', f'{keys}/apart')
        refused = self.run_muster(*restore, '--from', later, '--keys', keys,
                                  '--to', self.path('no'))
        self.assertIn('name the directory that has the newest copy of person-keys',
                      self.assert_one_sentence(refused))
        done = self.run_muster('backup', '--data', server.data, *key, '--to', self.path('again'),
                               '--keys', old)
        self.assertEqual(done.returncode, 0, done.stderr)
        os.rename(f'{keys}/apart', f'{keys}/person-keys')

        # The backup from before with the newest keys: she is not there, everybody else is.
        done = self.run_muster(*restore, '--from', backup, '--to', self.path('restored'),
                               '--keys', keys)
        self.assertEqual(done.returncode, 0, done.stderr)
        restored, client = self.started('restored', key)
        self.assertEqual(client.count('everyone'), 499)
        self.assertEqual(client.count(f'street = "{MARKS[1]}-7"'), 0)
        self.assertEqual(client.count(f'street = "{MARKS[1]}-8"'), 1)
        self.assertEqual(client.get(f'/v1/profiles/{erased}').status, 404)
        again = json.dumps({'profile_id': erased}).encode()
        self.assertEqual(self.assert_ok(client.post('/v1/profiles', again, NDJSON))
                         .json()['rejected'], 1)
        new = json.dumps({'profile_id': 'new'}).encode()
        self.assert_ok(client.post('/v1/profiles', new, NDJSON))
        done = self.run_muster('compact', '--erased', '--server', restored.url)
        self.assertEqual(done.returncode, 0, done.stderr)
        restored.kill()
        for command in ('inspect', 'verify'):
            done = self.run_muster(command, '--data', restored.data, *key)
            self.assertEqual(done.returncode, 0, command + done.stdout + done.stderr)
        restored.start()
        self.assertEqual(restored.client().count('everyone'), 500)

    def test_a_damaged_key_of_a_person_is_never_passed_over_in_silence(self):
        key = ['--encryption-key', self.key('first.key')]
        server, _ = self.loaded(key)
        self.assertEqual(server.stop(), 0)
        with open(f'{server.data}/person-keys', 'r+b') as stream:
            stream.seek(8192 + 64 * 7 + 20)
            byte = stream.read(1)[0]
            stream.seek(8192 + 64 * 7 + 20)
            stream.write(bytes([byte ^ 4]))
        refused = self.run_muster('serve', '--data', server.data, '--listen', '127.0.0.1:0', *key)
        self.assertIn('person-keys is damaged: slot 7', self.assert_one_sentence(refused))
        done = self.run_muster('inspect', '--data', server.data, *key)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn('slot 7', done.stdout)

    def test_plain_data_become_encrypted_by_a_restore(self):
        server, _ = self.loaded([])
        self.assertEqual(server.stop(), 0)
        key = self.key('first.key')
        refused = self.run_muster('serve', '--data', server.data, '--encryption-key', key)
        self.assertIn('are not encrypted', self.assert_one_sentence(refused))
        done = self.run_muster('restore', '--from', server.data, '--to', self.path('sealed'),
                               '--encryption-key', key)
        self.assertEqual(done.returncode, 0, done.stderr)
        _, client = self.started('sealed', ['--encryption-key', key])
        self.assertEqual(client.count('did "view"'), 500)
