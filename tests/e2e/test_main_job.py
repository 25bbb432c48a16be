"""The main job: load, ask, restart, be killed, load again, and the answers stay the same."""
import json
import os
import random
import signal
import subprocess
import threading
import time
import unittest

from support import EVENTS, NDJSON, PRODUCTS, PROFILES, SCHEMA, MusterCase, muster_client

QUESTIONS = {
    'everyone': ['ana', 'bo', 'cy'],
    'nobody': [],
    'country = "FR"': ['ana'],
    'not (country = "FR")': ['bo', 'cy'],
    'country != "FR"': ['bo'],
    'country is missing': ['cy'],
    'any tags = "beta"': ['ana', 'cy'],
    'none tags = "vip"': ['bo', 'cy'],
    'age between 29 and 40': ['bo'],
    'did "purchase"': ['ana'],
    'did not "purchase"': ['bo', 'cy'],
    'did any event': ['ana', 'bo'],
    'sum(amount of "purchase") = 24.95': ['ana'],
    'avg(amount of "purchase") > 12.47': ['ana'],
    'max(amount of "purchase") >= 19.90': ['ana'],
    'distinct(product.category of "purchase") = 2': ['ana'],
    'count("purchase" where (product.category = "socks")) = 1': ['ana'],
    'last("purchase") >= 2024-03-05': ['ana'],
    'did "purchase" from 2024-03-02T00:00:00Z to 2024-03-05T10:00:00Z': [],
    'count("refund") <= 0': ['ana', 'cy'],
}


class MainJob(MusterCase):
    def assert_answers(self, client):
        for where, people in QUESTIONS.items():
            with self.subTest(where):
                self.assertEqual(client.count(where), len(people))
                self.assertEqual(sorted(client.members(where)), people)

    def test_load_ask_restart_ask(self):
        server, client = self.started_with_people()
        self.assert_answers(client)
        client.close()
        self.assertEqual(server.stop(), 0)
        client = server.start().client()
        self.assert_answers(client)
        client.close()
        server.kill()
        client = server.start().client()
        self.assert_answers(client)

    def test_windows_slide_with_as_of(self):
        _, client = self.started_with_people()
        where = 'count("purchase" in last 5d) >= 1'
        for as_of, people in (('2024-03-01T09:59:59Z', 0), ('2024-03-01T10:00:00Z', 1),
                              ('2024-03-10T10:00:00Z', 1), ('2024-03-10T10:00:01Z', 0)):
            self.assertEqual(client.count(where, as_of), people, as_of)

    def test_answers_name_their_snapshot_and_moment(self):
        _, client = self.started_with_people()
        first = client.post('/v1/count', {'where': 'everyone'}).json()
        receipt = client.post('/v1/profiles', b'{"profile_id":"di"}\n', NDJSON).json()
        second = client.post('/v1/count', {'where': 'everyone'}).json()
        self.assertGreater(receipt['sequence'], first['snapshot'])
        self.assertGreaterEqual(second['snapshot'], receipt['sequence'])
        self.assertEqual((first['count'], second['count']), (3, 4))
        self.assertIn('T', second['as_of'])

    def test_the_same_event_id_counts_once(self):
        server, client = self.started_with_people()
        for _ in range(3):
            self.assert_ok(client.post('/v1/events', EVENTS, NDJSON))
        self.assert_answers(client)
        server.kill()
        client = server.start().client()
        self.assert_ok(client.post('/v1/events', EVENTS, NDJSON))
        self.assert_answers(client)

    def test_an_idempotency_key_does_the_work_once(self):
        _, client = self.started_with_people()
        rows = b'{"profile_id":"bo","type":"call","ts":"2024-03-07T10:00:00Z"}\n'
        for _ in range(2):
            self.assert_ok(client.post('/v1/events', rows, {**NDJSON, 'Idempotency-Key': 'k1'}))
        self.assertEqual(client.members('count("call") = 1'), ['bo'])
        other = rows.replace(b'"bo"', b'"cy"')
        self.assert_problem(client.post('/v1/events', other,
                                        {**NDJSON, 'Idempotency-Key': 'k1'}), 409, 422)
        self.assertEqual(client.count('did "call"'), 1)

    def test_null_deletes_and_later_values_win(self):
        _, client = self.started_with_people()
        rows = b'{"profile_id":"ana","country":null}\n{"profile_id":"bo","country":"IT"}\n'
        self.assert_ok(client.post('/v1/profiles', rows, NDJSON))
        self.assertEqual(client.count('country is missing'), 2)
        self.assertEqual(client.members('country = "IT"'), ['bo'])

    def test_erasing_is_final(self):
        server, client = self.started_with_people()
        self.assert_ok(client.delete('/v1/profiles/ana'))
        self.assertEqual(sorted(client.members('everyone')), ['bo', 'cy'])
        self.assertEqual(client.count('did "purchase"'), 0)
        self.assert_problem(client.get('/v1/profiles/ana'), 404)
        server.kill()
        client = server.start().client()
        self.assertEqual(sorted(client.members('everyone')), ['bo', 'cy'])

    def test_segments_are_kept_with_their_versions(self):
        server, client = self.started_with_people()
        for where in ('country = "FR"', 'country in ("FR", "DE")'):
            self.assert_ok(client.put('/v1/segments/west', {'where': where, 'name': 'West'}))
        server.kill()
        client = server.start().client()
        self.assertEqual(sorted(client.members('in segment "west"')), ['ana', 'bo'])
        self.assertEqual(client.members('in segment "west"@1'), ['ana'])
        self.assertEqual(client.get('/v1/segments/west/count').json()['count'], 2)
        self.assert_ok(client.put('/v1/segments/far', {'where': 'not in segment "west"',
                                                       'name': 'Far'}))
        self.assert_problem(client.delete('/v1/segments/west'), 409)
        self.assert_ok(client.delete('/v1/segments/far'))
        self.assert_ok(client.delete('/v1/segments/west'))
        self.assert_problem(client.get('/v1/segments/west'), 404)

    def test_explain_says_why(self):
        _, client = self.started_with_people()
        asked = {'where': 'country = "FR" and did "purchase"', 'profile': 'ana'}
        answer = self.assert_ok(client.post('/v1/explain', asked)).json()
        self.assertTrue(answer['member'])
        self.assertEqual(len(answer['tree']['children']), 2)
        asked['profile'] = 'bo'
        answer = self.assert_ok(client.post('/v1/explain', asked)).json()
        self.assertFalse(answer['member'])
        self.assertEqual([child['holds'] for child in answer['tree']['children']],
                         [False, False])

    def test_inspect_says_that_the_store_is_sound(self):
        server, _ = self.started_with_people()
        server.stop()
        done = self.run_muster('inspect', '--data', server.data)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('sound', done.stdout)

    def test_inspect_says_what_each_part_takes_in_memory(self):
        server, client = self.started_with_people()
        in_server = {table['name']: table['memory']
                     for table in client.get('/v1/catalog').json()['tables']}
        server.stop()
        done = self.run_muster('inspect', '--data', server.data, '--memory', '--json')
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        found = {line['memory_of']: line for line in lines if 'memory_of' in line}
        self.assertEqual(set(found), set(in_server))
        self.assertEqual(found['profiles']['ids'] > 0, in_server['profiles']['ids'] > 0)
        self.assertEqual(found['profiles']['bitmaps'], in_server['profiles']['bitmaps'])
        told = self.run_muster('inspect', '--data', server.data, '--memory').stdout
        self.assertIn('per row', told)


class CommandLine(MusterCase):
    """muster demo and muster load, interrupted and started again."""

    PEOPLE = 3000

    def sample(self):
        """Files of `muster demo`, and the options of `muster load` for them."""
        out = self.path('sample')
        done = self.run_muster('demo', '--out', out, '--profiles', str(self.PEOPLE),
                               '--seed', '7', timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        events = muster_client.one_file(out, ['events'])
        return out, ['--schema', os.path.join(out, 'schema.json'),
                     '--profiles', muster_client.one_file(out, ['profiles']),
                     '--events', events,
                     '--entities', 'product=' + muster_client.one_file(out, ['products'])]

    def test_a_chunk_is_as_large_as_said(self):
        out, files = self.sample()
        data = self.path('chunks')
        done = self.run_muster('load', '--data', data, '--chunk-mib', '1', *files)
        self.assertEqual(done.returncode, 0, done.stderr)
        whole = self.run_muster('load', '--data', self.path('whole'), *files)
        self.assertEqual(whole.returncode, 0, whole.stderr)
        memory = [self.run_muster('inspect', '--data', self.path(name), '--memory', '--json').stdout
                  for name in ('chunks', 'whole')]
        rows = [[(json.loads(line)['memory_of'], json.loads(line)['rows'])
                 for line in text.splitlines() if 'memory_of' in line] for text in memory]
        self.assertEqual(rows[0], rows[1])
        refused = self.run_muster('load', '--data', data, '--chunk-mib', '63', *files)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn('--chunk-mib', refused.stderr)

    def test_demo_is_the_same_for_the_same_seed(self):
        out, _ = self.sample()
        again = self.path('again')
        self.run_muster('demo', '--out', again, '--profiles', str(self.PEOPLE), '--seed', '7')
        other = self.path('other')
        self.run_muster('demo', '--out', other, '--profiles', str(self.PEOPLE), '--seed', '8')
        same = subprocess.run(['diff', '-rq', out, again], capture_output=True, check=False)
        self.assertEqual(same.returncode, 0, same.stdout)
        differs = subprocess.run(['diff', '-rq', out, other], capture_output=True, check=False)
        self.assertEqual(differs.returncode, 1)

    def answers(self, client):
        names = [table['name'] for table in client.get('/v1/catalog').json()['tables']
                 if table['kind'] == 'events']
        self.assertTrue(names)
        counts = {'everyone': client.count('everyone'), 'any': client.count('did any event')}
        for name in names:
            for times in (1, 2, 3, 5, 10):
                counts[name, times] = client.count(f'count("{name}") >= {times}')
        return counts

    def test_an_interrupted_load_started_again_loads_nothing_twice(self):
        _, options = self.sample()
        server, client = self.started('whole')
        done = self.run_muster('load', '--server', server.url, *options, timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr)
        wanted = self.answers(client)
        self.assertEqual(wanted['everyone'], self.PEOPLE)
        server.stop()
        seed = int(os.environ.get('MUSTER_SEED') or random.randrange(2**32))
        print(f'MUSTER_SEED={seed}', flush=True)
        draw = random.Random(seed)
        for victim in ('loader', 'server'):
            with self.subTest(victim):
                self.assertEqual(self.load_interrupted(victim, options, draw), wanted)

    def load_interrupted(self, victim, options, draw):
        """Answers after a load in which one side was killed, and a second whole load."""
        server = self.server(victim).start()
        loader = subprocess.Popen([server.binary, 'load', '--server', server.url, *options],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(loader.wait)
        time.sleep(draw.uniform(0.02, 0.6))
        if victim == 'loader':
            loader.send_signal(signal.SIGKILL)
        else:
            server.kill()
            threading.Timer(0.2, loader.kill).start()
        loader.wait()
        server.kill()
        server.start()
        done = self.run_muster('load', '--server', server.url, *options, timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr)
        client = server.client()
        found = self.answers(client)
        client.close()
        server.stop()
        return found

    def test_load_into_a_folder_without_a_server(self):
        schema = self.write('schema.json', muster_client.json.dumps(SCHEMA))
        data = self.path('offline')
        done = self.run_muster('load', '--data', data, '--schema', schema,
                               '--profiles', self.write('p.ndjson', PROFILES),
                               '--events', self.write('e.ndjson', EVENTS),
                               '--entities', 'product=' + self.write('d.ndjson', PRODUCTS))
        self.assertEqual(done.returncode, 0, done.stderr)
        _, client = self.started('offline')
        self.assertEqual(client.count('did "purchase"'), 1)

    def test_count_and_members_of_the_command_line(self):
        server, _ = self.started_with_people()
        done = self.run_muster('count', 'any tags = "beta"', '--server', server.url)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('2', done.stdout)
        done = self.run_muster('members', 'any tags = "beta"', '--server', server.url)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('ana', done.stdout)
        self.assertIn('cy', done.stdout)
        self.assertNotIn('"bo"', done.stdout)

    def test_a_whole_table_is_replaced_at_once(self):
        server, client = self.started_with_people()
        smaller = self.write('less.ndjson', PROFILES.splitlines(True)[0])
        refused = self.run_muster('load', '--server', server.url, '--replace', 'profiles',
                                  '--profiles', smaller)
        self.assert_one_sentence(refused)
        self.assertEqual(client.count('everyone'), 3)
        done = self.run_muster('load', '--server', server.url, '--replace', 'profiles',
                               '--profiles', smaller, '--force')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(client.members('country is present'), ['ana'])


if __name__ == '__main__':
    unittest.main()
