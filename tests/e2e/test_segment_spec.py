"""The Segment-spec routes as stock SDKs use them: addresses, keys, bodies, browsers, repeats."""
import base64
import gzip
import http.client
import json
import unittest
import zlib

from support import MusterCase

SHOP = 'https://shop.example.com'
NAMES = ('identify', 'track', 'page', 'screen', 'group', 'alias', 'batch', 'import')
SPELLINGS = ['/v1/' + name + slash for name in (*NAMES, *'itpsga') for slash in ('', '/')]


def track(user='u1', event='Seen', **more):
    return dict({'type': 'track', 'userId': user, 'event': event}, **more)


def batch(*calls, **more):
    return dict({'batch': list(calls)}, **more)


def basic(text):
    return {'Authorization': 'Basic ' + base64.b64encode(text.encode()).decode()}


class SegmentCase(MusterCase):
    def assert_taken(self, answer):
        self.assertEqual((answer.status, answer.json()), (200, {'success': True}), answer.body)

    def rejected(self, client):
        return client.get('/v1/rejected').json()['items']

    def time_of_event(self, client, user):
        return client.get('/v1/profiles/' + user).json()['events'][0]['time']


class Addresses(SegmentCase):
    def test_every_spelling_takes_calls_and_none_redirects(self):
        _, client = self.started()
        for number, path in enumerate(SPELLINGS):
            with self.subTest(path):
                name = path.split('/')[2]
                user = f'u{number}'
                call = {'userId': user, 'event': 'Seen', 'groupId': 'g', 'previousId': user + 'p',
                        'traits': {}, 'messageId': f'm{number}'}
                body = batch(dict(call, type='track')) if name in ('batch', 'import') else call
                self.assert_taken(client.post(path, body))
                self.assertEqual(client.get('/v1/profiles/' + user).status, 200)
        self.assertEqual(client.get('/v1/track').status, 405)
        self.assertEqual(client.post('/v1/tracks', b'{}').status, 404)
        self.assertEqual(client.post('/v1/track//', b'{}').status, 404)
        self.assertEqual(self.rejected(client), [])

    def test_what_was_taken_is_there_for_the_next_question(self):
        _, client = self.started()
        for number in range(1, 30):
            self.assert_taken(client.post('/v1/track', track(f'u{number}')))
            self.assertEqual(client.count('did "Seen"'), number)


class Keys(SegmentCase):
    def setUp(self):
        super().setUp()
        made = [self.run_muster('key', 'create', '--data', self.path('data'), '--name', scope,
                                '--scopes', scope).stdout.split()[-1]
                for scope in ('all', 'ingest', 'query')]
        self.all, self.ingest, self.query = made
        server = self.server().start()
        self.client = server.client(self.all)
        self.plain = server.client()
        self.addCleanup(self.client.close)
        self.addCleanup(self.plain.close)

    def send(self, key, place):
        body, path, headers = track(messageId=None), '/v1/track', {}
        if place == 'body':
            body['writeKey'] = key
        elif place == 'query':
            path += '?writeKey=' + key
        elif place == 'basic':
            headers = basic(key + ':')
        elif place == 'basic without colon':
            headers = basic(key)
        elif place == 'bearer':
            headers = {'Authorization': 'Bearer ' + key}
        elif place == 'header':
            headers = {'X-Write-Key': key}
        return self.plain.post(path, body, headers)

    def test_the_key_may_stand_anywhere(self):
        for number, place in enumerate(('body', 'query', 'basic', 'basic without colon', 'bearer',
                                        'header')):
            with self.subTest(place):
                self.assert_taken(self.send(self.ingest, place))
                self.assertEqual(self.client.count(f'count("Seen") = {number + 1}'), 1)
                self.assert_problem(self.send('mk_wrong', place), 401)
                self.assert_problem(self.send(self.query, place), 403)
        self.assert_problem(self.send('', 'nowhere'), 401)
        self.assertEqual(self.client.count('count("Seen") = 6'), 1)
        # A body without a key is no other error than a wrong one, whatever else it is.
        self.assert_problem(self.plain.post('/v1/track', b'{{{'), 401)

    def test_the_audit_says_whose_key_it_was(self):
        self.send(self.ingest, 'body')
        self.send(self.ingest, 'basic')
        items = self.client.get('/v1/audit').json()['items']
        told = [line['principal'] for line in items if line['action'] == 'POST /v1/track']
        self.assertEqual(told, ['key:ingest'] * 2)

    def test_other_routes_take_a_bearer_only(self):
        self.assert_problem(self.plain.post('/v1/count', {'where': 'everyone'}, basic(self.all)),
                            401)


class Bodies(SegmentCase):
    def test_labels_do_not_matter(self):
        _, client = self.started()
        plain = json.dumps(track()).encode()
        packed = gzip.compress(plain)
        raw = zlib.compressobj(wbits=-15)
        cases = [
            (plain, {'Content-Type': 'text/plain'}),
            (plain, {'Content-Type': 'application/x-www-form-urlencoded'}),
            (plain, {}),
            (b'\xef\xbb\xbf' + plain, {}),
            (b' \n' + json.dumps(track(), indent=2).encode() + b'\r\n', {}),
            (packed, {'Content-Encoding': 'gzip',
                      'Content-Type': 'application/x-www-form-urlencoded'}),
            (packed, {}),
            (zlib.compress(plain), {'Content-Encoding': 'deflate'}),
            (raw.compress(plain) + raw.flush(), {'Content-Encoding': 'deflate'}),
        ]
        for number, (body, headers) in enumerate(cases):
            with self.subTest(number):
                self.assert_taken(client.post('/v1/track', body, headers))
                self.assertEqual(client.count(f'count("Seen") = {number + 1}'), 1)

    def test_what_cannot_be_read_or_is_too_large_is_400(self):
        _, client = self.started()
        good = json.dumps(track())
        bomb = gzip.compress(b'{"userId":"' + b'a' * (1 << 24) + b'"}')
        cases = [b'', b'{', b'{"userId": }', b'nonsense', good.encode() + b'}', b'\x1f\x8bcut',
                 json.dumps(batch(track()))[:-1].encode(), b'{"batch":[{"userId":"a",}]}', bomb,
                 json.dumps(batch(*[track(pad='x' * 30000) for _ in range(18)])).encode(),
                 json.dumps(batch(*[track()] * 2501)).encode()]
        for number, body in enumerate(cases):
            with self.subTest(number):
                path = '/v1/batch' if b'batch' in body else '/v1/track'
                self.assert_problem(client.post(path, body), 400)
        self.assertEqual(client.count('everyone'), 0)
        self.assert_taken(client.post('/v1/batch', batch(*[track()] * 2500)))
        self.assertEqual(client.count('count("Seen") = 2500'), 1)

    def test_one_bad_call_is_rejected_alone(self):
        _, client = self.started()
        calls = [
            track(properties={'price': 5}),
            track(properties={'price': 'a lot'}),
            track(properties='none'),
            track(user=''),
            track(event=''),
            track(timestamp='yesterday'),
            {'userId': 'u1'},
            dict(track(), type='tracks'),
            'nothing',
            {'type': 'alias', 'userId': 'u1'},
            {'type': 'group', 'userId': 'u1'},
            track(pad='x' * 33000),
            {'type': 'identify', 'userId': 'u1', 'traits': []},
            track(properties={'price': 7}),
        ]
        self.assert_taken(client.post('/v1/batch', batch(*calls)))
        rejected = {row['line']: row['reason'] for row in self.rejected(client)}
        self.assertEqual(sorted(rejected), list(range(2, 14)))
        for line, word in ((2, 'price'), (3, 'properties'), (4, 'userId'), (5, 'event'),
                           (6, 'timestamp'), (7, 'type'), (10, 'previousId'), (11, 'groupId'),
                           (12, '32768'), (13, 'traits')):
            self.assertIn(word, rejected[line])
        self.assertEqual(client.count('sum(price of "Seen") = 12'), 1)
        # The same where the call is the whole body, and half a character is no broken JSON.
        self.assert_taken(client.post('/v1/track', track(properties={'price': 'x'})))
        self.assert_taken(client.post('/v1/track', b'{"userId":"a","event":"\\ud83d"}'))
        self.assert_taken(client.post('/v1/batch', b'{"batch":5}'))
        self.assert_taken(client.post('/v1/track', b'[]'))
        self.assertEqual(len(self.rejected(client)), 16)

    def test_rejected_calls_are_still_listed_after_a_restart(self):
        server, client = self.started()
        self.assert_taken(client.post('/v1/batch', batch(track(user=''), track())))
        before = self.rejected(client)
        self.assertEqual(len(before), 1)
        server.kill()
        server.start()
        self.assertEqual(self.rejected(server.client()), before)


class Browsers(SegmentCase):
    def request(self, server, method, path, headers, body=None):
        host = server.url.split('//')[1]
        connection = http.client.HTTPConnection(host, timeout=30)
        self.addCleanup(connection.close)
        connection.request(method, path, body=body, headers=headers)
        response = connection.getresponse()
        response.read()
        return response

    def test_pages_of_allowed_sites_may_call(self):
        server, client = self.started(options=['--allow-origin', SHOP])
        asked = {'Origin': SHOP, 'Access-Control-Request-Method': 'POST',
                 'Access-Control-Request-Headers': 'authorization,content-type,anonymousid'}
        for path in SPELLINGS:
            answer = self.request(server, 'OPTIONS', path, asked)
            self.assertEqual(answer.status, 204)
            self.assertEqual(answer.headers['Access-Control-Allow-Origin'], SHOP)
            self.assertEqual(answer.headers['Access-Control-Allow-Headers'],
                             'authorization,content-type,anonymousid')
            self.assertIn('POST', answer.headers['Access-Control-Allow-Methods'])
            self.assertGreater(int(answer.headers['Access-Control-Max-Age']), 0)
        sent = {'Origin': SHOP, 'Sec-Fetch-Site': 'cross-site', 'Content-Type': 'text/plain'}
        for body, status in ((json.dumps(track()), 200), ('{', 400)):
            answer = self.request(server, 'POST', '/v1/t', sent, body)
            self.assertEqual(answer.status, status)
            self.assertEqual(answer.headers['Access-Control-Allow-Origin'], SHOP)
            self.assertEqual(answer.headers['Vary'], 'Origin')
        self.assertEqual(client.count('did "Seen"'), 1)

    def test_pages_of_other_sites_and_other_routes_may_not(self):
        server, client = self.started(options=['--allow-origin', SHOP])
        other = {'Origin': 'https://evil.example.com', 'Sec-Fetch-Site': 'cross-site'}
        answer = self.request(server, 'OPTIONS', '/v1/t', other)
        self.assertIsNone(answer.headers['Access-Control-Allow-Origin'])
        self.assertEqual(self.request(server, 'POST', '/v1/t', other, json.dumps(track())).status,
                         403)
        answer = self.request(server, 'OPTIONS', '/v1/count', {'Origin': SHOP})
        self.assertEqual(answer.status, 405)
        self.assertIsNone(answer.headers['Access-Control-Allow-Origin'])
        sent = {'Origin': SHOP, 'Sec-Fetch-Site': 'cross-site'}
        answer = self.request(server, 'POST', '/v1/count', sent, '{"where": "everyone"}')
        self.assertEqual(answer.status, 403)
        self.assertEqual(client.count('everyone'), 0)


class Repeats(SegmentCase):
    def test_a_message_counts_once_over_retries_restarts_and_kills(self):
        server, client = self.started()
        calls = [track(messageId='m1', timestamp='2024-03-01T10:00:00Z'),
                 {'type': 'identify', 'userId': 'u1', 'traits': {'plan': 'free'},
                  'messageId': 'm2'},
                 {'type': 'page', 'userId': 'u1', 'messageId': 'm3'},
                 {'type': 'group', 'userId': 'u1', 'groupId': 'g1', 'messageId': 'm4'},
                 track(messageId='m1')]
        self.assert_taken(client.post('/v1/batch', batch(*calls, sentAt='2024-03-01T10:00:01Z')))
        # What came later must not be undone by what is sent again.
        self.assert_taken(client.post('/v1/identify', {'userId': 'u1', 'traits': {'plan': 'pro'}}))
        snapshot = client.get('/v1/catalog').json()['snapshot']
        for life in range(3):
            for _ in range(2):
                self.assert_taken(client.post('/v1/batch', batch(
                    *calls, sentAt=f'2024-03-01T10:00:0{life + 2}Z')))
            self.assertEqual(client.count('count("Seen") = 1 and count("Page Viewed") = 1 and '
                                          'count("Group Joined") = 1 and plan = "pro"'), 1)
            self.assertEqual(self.rejected(client), [])
            self.assertEqual(client.get('/v1/catalog').json()['snapshot'], snapshot)
            server.kill()
            server.start()
            client = server.client()

    def test_calls_without_an_id_are_each_a_call(self):
        _, client = self.started()
        for _ in range(3):
            self.assert_taken(client.post('/v1/track', track()))
        self.assertEqual(client.count('count("Seen") = 3'), 1)


class Times(SegmentCase):
    def test_the_senders_clock_is_set_right(self):
        _, client = self.started()
        # Sent an hour and a second after it happened, by a clock that is years behind.
        self.assert_taken(client.post('/v1/batch', batch(
            track('late', timestamp='2001-01-01T00:00:00.000Z'),
            sentAt='2001-01-01T01:00:01.000Z')))
        self.assertEqual(client.count('count("Seen" in last 3600s) = 0 and '
                                      'count("Seen" in last 3700s) = 1'), 1)
        cases = [
            ('said', {'timestamp': '2023-05-01T10:00:00Z'}, '2023-05-01T10:00:00Z'),
            ('original', {'timestamp': '2020-01-01T00:00:00Z',
                          'originalTimestamp': '2023-05-01T10:00:00Z'}, '2023-05-01T10:00:00Z'),
            ('nanoseconds', {'timestamp': '2023-05-01T10:00:00.123456789Z'},
             '2023-05-01T10:00:00.123Z'),
            ('zone', {'timestamp': '2023-05-01T10:00:00+05:30'}, '2023-05-01T04:30:00Z'),
            ('seconds', {'timestamp': 1682935200}, '2023-05-01T10:00:00Z'),
            ('milliseconds', {'timestamp': 1682935200123}, '2023-05-01T10:00:00.123Z'),
            ('no-clock', {'timestamp': '2023-05-01T10:00:00Z', 'sentAt': '20XX'},
             '2023-05-01T10:00:00Z'),
        ]
        for user, times, right in cases:
            with self.subTest(user):
                self.assert_taken(client.post('/v1/track', track(user, **times)))
                self.assertEqual(self.time_of_event(client, user), right)
        self.assert_taken(client.post('/v1/track', track('now', timestamp='')))
        self.assertEqual(client.count('count("Seen" in last 60s) = 1'), 1)


class People(SegmentCase):
    def profile(self, client, user):
        return client.get('/v1/profiles/' + user).json()

    def test_who_was_anonymous_becomes_known(self):
        server, client = self.started()
        self.assert_taken(client.post('/v1/batch', batch(
            {'type': 'track', 'anonymousId': 'laptop', 'event': 'Seen', 'messageId': '1'},
            {'type': 'identify', 'anonymousId': 'laptop', 'traits': {'source': 'ad', 'plan': 'x'}},
            {'type': 'identify', 'userId': 'ana', 'traits': {'plan': 'pro'}},
            {'type': 'page', 'anonymousId': 'phone', 'name': 'Home'})))
        self.assertEqual(client.count('everyone'), 3)
        self.assert_taken(client.post('/v1/batch', batch(
            {'type': 'identify', 'userId': 'ana', 'anonymousId': 'laptop',
             'traits': {'address': {'city': 'Rome'}, 'profile_id': 'own'}},
            {'type': 'alias', 'userId': 'ana', 'previousId': 'phone'},
            {'type': 'track', 'anonymousId': 'laptop', 'event': 'Seen'})))
        for _ in range(2):
            self.assertEqual(client.count('everyone'), 1)
            self.assertEqual(self.profile(client, 'ana')['attributes'], {
                'plan': 'pro', 'source': 'ad', 'address.city': 'Rome', 'traits.profile_id': 'own'})
            self.assertEqual(client.count('count("Seen") = 2 and did "Page Viewed" where '
                                          '(name = "Home")'), 1)
            server.kill()
            server.start()
            client = server.client()
        self.assertEqual(client.delete('/v1/profiles/ana').status, 200)
        self.assert_taken(client.post('/v1/batch', batch(
            {'type': 'track', 'anonymousId': 'laptop', 'event': 'Seen'},
            {'type': 'track', 'anonymousId': 'phone', 'event': 'Seen'},
            {'type': 'track', 'userId': 'ana', 'event': 'Seen'})))
        self.assertEqual(client.count('everyone'), 0)
        self.assertEqual(len(self.rejected(client)), 3)

    def test_two_users_of_one_device_stay_two(self):
        _, client = self.started()
        for user in ('ana', 'bo'):
            self.assert_taken(client.post('/v1/identify', {'userId': user, 'anonymousId': 'tablet',
                                                           'traits': {'name': user}}))
            self.assert_taken(client.post('/v1/track', track(user, anonymousId='tablet')))
        self.assert_taken(client.post('/v1/track', {'anonymousId': 'tablet', 'event': 'Seen'}))
        self.assertEqual(client.count('everyone'), 2)
        self.assertEqual(client.count('count("Seen") = 2 and name = "ana"'), 1)
        self.assertEqual(self.rejected(client), [])
        self.assert_taken(client.post('/v1/alias', {'userId': 'bo', 'previousId': 'ana'}))
        self.assertEqual(client.count('count("Seen") = 3 and name = "bo"'), 1)
        self.assert_taken(client.post('/v1/alias', {'userId': 'ana', 'previousId': 'bo'}))
        self.assertEqual(len(self.rejected(client)), 1)

    def test_an_identify_counts_from_where_it_stands(self):
        _, client = self.started()
        self.assert_taken(client.post('/v1/identify', {'userId': 'u', 'traits': {'plan': 'pro'}}))
        self.assert_taken(client.post('/v1/batch', batch(
            {'type': 'identify', 'anonymousId': 'a', 'traits': {'plan': 'before', 'n': 1}},
            {'type': 'identify', 'userId': 'u', 'anonymousId': 'a'},
            {'type': 'identify', 'anonymousId': 'a', 'traits': {'n': 2}})))
        self.assertEqual(self.profile(client, 'u')['attributes'], {'plan': 'pro', 'n': 2})

    def test_a_group_sets_the_account(self):
        _, client = self.started()
        group = {'userId': 'u1', 'groupId': 'acme', 'traits': {'plan': 'team', 'seats': 5}}
        self.assert_taken(client.post('/v1/group', group))
        self.assertEqual(client.count('account_id = "acme" and did "Group Joined" where '
                                      '(plan = "team" and account_id = "acme")'), 1)
        self.assert_ok(client.put('/v1/schema', {
            'entities': {'account': {'id': 'id'}},
            'references': {'profiles.account_id': 'account'}}))
        self.assert_taken(client.post('/v1/group', dict(group, userId='u2')))
        self.assertEqual(client.count('account_id.seats = 5'), 2)
        self.assertEqual(client.count('did "Group Joined"'), 1)

    def test_columns_have_the_names_of_the_declaration(self):
        _, client = self.started()
        self.assert_ok(client.put('/v1/schema', {
            'profiles': {'id': 'id'},
            'events': {'profile': 'who', 'name': 'what', 'time': 'when', 'id': 'key'}}))
        self.assert_taken(client.post('/v1/track', track(
            messageId='m', properties={'what': 'x', 'type': 'y', 'when': {'a': 1}})))
        self.assertEqual(client.count('did "Seen" where (type = "y" and properties.what = "x" and '
                                      'properties.when.a = 1)'), 1)
        self.assert_ok(client.put('/v1/schema', {
            'identifiers': {'email': {}}, 'events': {'profile': 'email', 'identifier': 'email'}}))
        self.assert_taken(client.post('/v1/track', track()))
        self.assertIn('email', self.rejected(client)[0]['reason'])

    def test_a_context_of_the_batch_is_everybodys(self):
        _, client = self.started()
        self.assert_taken(client.post('/v1/batch', batch(
            track('a'), track('b', context={'locale': 'de-DE'}),
            context={'locale': 'fr-FR', 'campaign': {'source': 'mail'}, 'ip': '192.0.2.1'})))
        self.assertEqual(client.count('did "Seen" where (context.campaign.source = "mail")'), 2)
        self.assertEqual(client.count('did "Seen" where (context.locale = "fr-FR")'), 1)
        self.assertEqual(client.count('did "Seen" where (context.locale = "de-DE")'), 1)


if __name__ == '__main__':
    unittest.main()
