"""What destinations are sent: templates, recipes, hashes against a second implementation, files."""
import base64
import hashlib
import http.server
import json
import os
import random
import re
import threading
import time
import unicodedata
import unittest

from support import NDJSON, MusterCase

LOOPBACK = ['--allow-destination', '127.0.0.1/32']
SEED = int(os.environ.get('MUSTER_SEED', '20260731'))
PEOPLE = 1000


# --- A second implementation of the rules, by what the destinations document ----------------------

def white(char):
    return char in '\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000' or \
        '\u2000' <= char <= '\u200a'


def strip(text):
    while text and white(text[0]):
        text = text[1:]
    while text and white(text[-1]):
        text = text[:-1]
    return text


def lower(text):
    return unicodedata.normalize('NFC', strip(text).lower())


def email(text):
    """Meta: trimmed and in lower case."""
    address = lower(text)
    if address.count('@') != 1 or any(white(char) or ord(char) < 32 for char in address):
        return None
    local, domain = address.split('@')
    return address if local and domain else None


def google_email(text):
    """Google: no white space, and no dots and plus parts where they mean nothing."""
    address = email(''.join(char for char in text if not white(char)))
    if address is None:
        return None
    local, domain = address.split('@')
    if domain in ('gmail.com', 'googlemail.com'):
        local = local.split('+')[0].replace('.', '')
    return f'{local}@{domain}' if local else None


def name(text):
    """Meta: lower case, no punctuation."""
    kept = ''.join(char for char in lower(text) if unicodedata.category(char)[0] not in 'PS')
    words = ''.join(' ' if white(char) else char for char in kept).split(' ')
    return ' '.join(part for part in words if part) or None


def letters(text):
    return ''.join(char for char in lower(text) if unicodedata.category(char)[0] in 'LM') or None


def zip_code(text):
    code = strip(text).lower()
    if re.fullmatch(r'[0-9]{5}-[0-9]{4}', code):
        code = code[:5]
    return ''.join(char for char in code if not white(char) and char not in '-\u2010\u2011\u2013') \
        or None


def country(text):
    code = strip(text).lower()
    return code if re.fullmatch('[a-z]{2}', code) else None


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest() if text else None


# --- People --------------------------------------------------------------------------------------

LETTERS = 'aeiouxyzABCXYZäöüßÄÖÜéèñçøåİıŁłÆæœŒſẞΣσςΆλφДжЯщქ漢字かअ\u0301\u0308'
NAMES = ['Ana-María', "O'Brien", 'van der Berg', 'ΓΙΏΡΓΟΣ', 'ΟΔΥΣΣΕΎΣ Σ.', 'İpek', 'Straße', 'ẞ',
         'Łukasz  Jr.', 'de\u00a0la Cruz', 'Ørsted', '李', 'आर्य', 'Ðorđe', '  Zoë\u3000', '...', '']
PHONES = [('+49 30 1234567', '49301234567'), ('0049 (30) 123-45.67', '49301234567'),
          ('030 / 123 45 67', '49301234567'), ('+49 (0)30 1234567', None),
          ('49 30 1234567', None), ('+1 (800) 555-0100', '18005550100'),
          ('+44\u00a020\u20137946\u00a00958', '442079460958'), ('0170 1234567', '491701234567'),
          ('call me', None), ('+1 800 555 0100 x9', None), ('+33 6 12 34 56 78', '33612345678'),
          ('', None), ('+999999999999999999', None), ('0', None)]


def word(rnd, most):
    return ''.join(rnd.choice(LETTERS) for _ in range(rnd.randint(0, most)))


def person(rnd, number):
    local = rnd.choice(['', 'a.b', 'First.Last', 'x+y', 'J.R.+shop', word(rnd, 6), ' sp ace']) + \
        str(number)
    domain = rnd.choice(['gmail.com', 'GMail.com', 'googlemail.com', 'Example.COM', 'münchen.de',
                         'x.y.z', 'two@ats.com', ''])
    space = rnd.choice(['', ' ', '\t', '\u3000', '\u00a0'])
    phone, digits = rnd.choice(PHONES)
    return {'profile_id': f'p{number:04d}', 'email': f'{space}{local}@{domain}{space}',
            'phone': phone, 'digits': digits,
            'first': rnd.choice(NAMES + [word(rnd, 8)]), 'last': rnd.choice(NAMES + [word(rnd, 8)]),
            'city': rnd.choice(['St. Louis', 'São Paulo', 'MÜNCHEN', 'New  York 2', 'Αθήνα', '7']),
            'zip': rnd.choice(['94025-1234', ' sw1a 1AA', '10115', '1000-001', '']),
            'country': rnd.choice(['DE', ' us', 'Germany', 'gb ', '']),
            'gender': rnd.choice(['F', 'male', 'x', ' Female ']),
            'born': rnd.choice(['1990-02-03', '3.2.1990', '2001-12-31'])}


# --- A receiver ----------------------------------------------------------------------------------

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *_):
        pass

    def answer(self):
        size = int(self.headers.get('Content-Length') or 0)
        body = self.rfile.read(size)
        self.server.seen.append({'method': self.command, 'path': self.path,
                                 'headers': dict(self.headers), 'body': body})
        reply = self.server.reply(self.server.seen[-1])
        self.send_response(200)
        self.send_header('Content-Length', str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    do_POST = do_PUT = do_PATCH = do_DELETE = answer


class DestinationCase(MusterCase):
    def receiver(self, reply=lambda request: b''):
        server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        server.seen, server.reply = [], reply
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server, f'http://127.0.0.1:{server.server_address[1]}'

    def load(self, client, people):
        rows = b''.join(json.dumps({k: v for k, v in one.items() if k != 'digits'},
                                   ensure_ascii=False).encode() + b'\n' for one in people)
        self.assert_ok(client.put('/v1/schema', {'profiles': {'id': 'profile_id'}}))
        answer = self.assert_ok(client.post('/v1/profiles', rows, NDJSON)).json()
        self.assertEqual(answer.get('rejected', 0), 0, answer)
        self.assert_ok(client.put('/v1/segments/all', {'where': 'everyone', 'name': 'All'}))

    def define(self, client, destination, sync, name='d'):
        self.assert_ok(client.put(f'/v1/destinations/{name}', destination))
        self.assert_ok(client.put(f'/v1/syncs/{name}',
                                  {'segment': 'all', 'destination': name, **sync}))

    def run_to_end(self, client, name='d'):
        number = self.assert_ok(client.post(f'/v1/syncs/{name}/run', {})).json()['run']
        return self.wait_for_run(client, number, name)

    def wait_for_run(self, client, number, name='d'):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            newest = client.get(f'/v1/syncs/{name}/runs').json()['items'][0]
            if newest['run'] == number and newest['state'] in ('finished', 'incomplete', 'failed'):
                self.assertTrue(newest['counts']['adds_up'], newest)
                return newest
            time.sleep(0.05)
        return self.fail(f'the run does not end: {newest}')


class Recipes(DestinationCase):
    MAPPING = {'email': 'email', 'phone': {'field': 'phone', 'calling_code': '49'},
               'first_name': 'first', 'last_name': 'last', 'city': 'city', 'zip': 'zip',
               'country': 'country', 'gender': 'gender', 'birth_year': 'born',
               'birth_month': 'born', 'birth_day': 'born', 'external_id': {'profile_id': True}}

    def people(self):
        rnd = random.Random(SEED)
        return [person(rnd, number) for number in range(PEOPLE)]

    def test_hashes_of_meta_as_a_second_implementation_makes_them(self):
        server, url = self.receiver()
        _, client = self.started(options=LOOPBACK)
        people = self.people()
        self.load(client, people)
        self.define(client, {'kind': 'recipe', 'recipe': 'meta_custom_audience', 'url': url,
                             'settings': {'audience_id': '42'},
                             'authorization': {'kind': 'bearer', 'token': 't'}, 'batch_size': 300},
                    {'mapping': self.MAPPING})
        run = self.run_to_end(client)
        self.assertEqual(run['counts']['sent'], PEOPLE, run)
        got = {}
        for request in server.seen:
            self.assertEqual((request['method'], request['path']), ('POST', '/42/users'))
            self.assertEqual(request['headers']['Authorization'], 'Bearer t')
            self.assertNotIn('webhook-signature', request['headers'])
            payload = json.loads(request['body'])['payload']
            for row in payload['data']:
                values = dict(zip(payload['schema'], row))
                got[values['EXTERN_ID']] = values
        self.assertEqual(len(got), PEOPLE)
        for one in people:
            birth = re.fullmatch(r'(\d{4})-(\d\d)-(\d\d)', one['born'])
            gender = {'f': 'f', 'female': 'f', 'male': 'm'}.get(one['gender'].strip().lower())
            expected = {'EMAIL': sha256(email(one['email'])), 'PHONE': sha256(one['digits']),
                        'FN': sha256(name(one['first'])), 'LN': sha256(name(one['last'])),
                        'CT': sha256(letters(one['city'])), 'ZIP': sha256(zip_code(one['zip'])),
                        'COUNTRY': sha256(country(one['country'])), 'GEN': sha256(gender),
                        'DOBY': sha256(birth and birth[1]), 'DOBM': sha256(birth and birth[2]),
                        'DOBD': sha256(birth and birth[3])}
            values = got[one['profile_id']]
            for key, value in expected.items():
                self.assertEqual(values[key], value or '', f'{key} of {one}, MUSTER_SEED={SEED}')

    def test_hashes_of_google_as_a_second_implementation_makes_them(self):
        server, url = self.receiver()
        _, client = self.started(options=LOOPBACK)
        people = self.people()
        self.load(client, people)
        mapping = {key: self.MAPPING[key] for key in ('email', 'phone', 'first_name', 'last_name',
                                                      'country')}
        self.define(client, {'kind': 'recipe', 'recipe': 'google_audience_members', 'url': url,
                             'settings': {'account_id': '1', 'audience_id': '2'}},
                    {'mapping': {**mapping, 'postal_code': 'zip'}})
        run = self.run_to_end(client)
        expected, led, following = [], set(), 0
        for one in people:
            address, digits = google_email(one['email']), one['digits']
            ids = []
            if address:
                ids.append({'emailAddress': sha256(address)})
            if digits:
                ids.append({'phoneNumber': sha256('+' + digits)})
            if not ids:
                continue
            place = {'givenName': sha256(lower(one['first'])),
                     'familyName': sha256(lower(one['last'])),
                     'regionCode': (country(one['country']) or '').upper(),
                     'postalCode': strip(one['zip'])}
            if all(place.values()):
                ids.append({'address': place})
            known_by = (address, digits, *place.values())
            if known_by in led:  # Sent under another profile that has all of it.
                following += 1
                continue
            led.add(known_by)
            expected.append({'userData': {'userIdentifiers': ids}})
        got = [member for request in server.seen
               for member in json.loads(request['body'])['audienceMembers']]
        self.assertEqual(run['counts']['sent'], len(expected))
        self.assertEqual(run['counts']['following'], following)
        self.assertEqual(run['counts']['unidentifiable'], PEOPLE - len(expected) - following)
        self.assertEqual(got, expected, f'MUSTER_SEED={SEED}')

    def test_each_is_listed_with_what_it_needs(self):
        _, client = self.started()
        items = self.assert_ok(client.get('/v1/recipes')).json()['items']
        self.assertEqual([one['name'] for one in items], [
            'braze_users_track', 'google_audience_members', 'hubspot_list', 'klaviyo_list',
            'linkedin_audience', 'mailchimp_list', 'meta_custom_audience', 'segment_track'])
        one = self.assert_ok(client.get('/v1/recipes/hubspot_list')).json()
        self.assertIn('list_id', one['settings'])
        self.assert_problem(client.get('/v1/recipes/hubspot'), 404)

    def test_a_200_that_carries_errors_rejects_those_people(self):
        def reply(request):
            rows = json.loads(request['body'])['elements']
            return json.dumps({'elements': [
                {'status': 400, 'message': 'no such member'} if n == 1 else {'status': 201}
                for n in range(len(rows))]}).encode()
        server, url = self.receiver(reply)
        _, client = self.started(options=LOOPBACK)
        self.load(client, [{'profile_id': f'p{n}', 'email': f'{n}@x.org'} for n in range(10)])
        self.define(client, {'kind': 'recipe', 'recipe': 'linkedin_audience', 'url': url,
                             'settings': {'segment_id': '7'}}, {'mapping': {'email': 'email'}})
        counts = self.run_to_end(client)['counts']
        self.assertEqual((counts['sent'], counts['rejected']), (9, 1))
        self.assertEqual(server.seen[0]['headers']['X-RestLi-Method'], 'BATCH_CREATE')
        rejected = client.get('/v1/syncs/d/ledger?state=rejected').json()['items']
        self.assertEqual([one['reason'] for one in rejected], ['HTTP 200: no such member'])


class Templates(DestinationCase):
    def test_one_request_for_each_person_and_a_rendering_of_it(self):
        server, url = self.receiver()
        _, client = self.started(options=LOOPBACK)
        self.load(client, [{'profile_id': f'p {n}/', 'email': f'{n}@x.org'} for n in range(5)] +
                  [{'profile_id': '..', 'email': 'dots@x.org'}])
        self.define(client, {
            'kind': 'webhook', 'url': url + '/api', 'headers': {'X-Key': 'hidden'},
            'fields': {'mail': {}},
            'requests': {
                'add': {'method': 'PUT', 'path': '/people/{{id}}', 'content_type': 'text/plain',
                        'headers': {'X-Mail': '{{mail}}'}, 'body': 'mail={{mail|url}}'},
                'remove': {'method': 'DELETE', 'path': '/people/{{id}}'}}},
            {'mapping': {'mail': 'email'}})
        shown = self.assert_ok(client.post('/v1/syncs/d/render', {'profile_id': 'p 1/'})).json()
        self.assertEqual(shown['url'], url + '/api/people/p%201%2F')
        self.assertEqual(shown['headers']['X-Key'], '***')
        counts = self.run_to_end(client)['counts']
        self.assertEqual((counts['sent'], counts['unidentifiable']), (5, 1))
        self.assertEqual(sorted(request['path'] for request in server.seen),
                         [f'/api/people/p%20{n}%2F' for n in range(5)])
        one = next(r for r in server.seen if r['path'] == '/api/people/p%201%2F')
        self.assertEqual((one['method'], one['body'].decode()), (shown['method'], shown['body']))
        self.assertEqual((one['headers']['X-Mail'], one['headers']['X-Key']), ('1@x.org', 'hidden'))
        self.assert_ok(client.request('DELETE', '/v1/profiles/p%201%2F'))
        self.assertEqual(self.wait_for_run(client, 2)['counts']['removals']['sent'], 1)
        self.assertEqual((server.seen[-1]['method'], server.seen[-1]['path'],
                          server.seen[-1]['body']), ('DELETE', '/api/people/p%201%2F', b''))
        self.assert_problem(client.post('/v1/syncs/d/render', {'profile_id': 'nobody'}), 404)

    def test_a_trait_and_a_constant_go_along(self):
        server, url = self.receiver()
        _, client = self.started(options=LOOPBACK)
        self.load(client, [{'profile_id': 'ana', 'age': 40}])
        self.assert_ok(client.put('/v1/traits/double_age', {'value': 'age * 2'}))
        self.define(client, {'kind': 'webhook', 'url': url,
                             'secret': 'whsec_' + base64.b64encode(bytes(24)).decode()},
                    {'mapping': {'a': {'trait': 'double_age'}, 'b': {'constant': 'x'}}})
        self.run_to_end(client)
        self.assertEqual(json.loads(server.seen[0]['body'])['members'],
                         [{'id': 'ana', 'a': 80, 'b': 'x'}])

    def test_an_unknown_name_is_refused_with_its_place(self):
        _, client = self.started(options=LOOPBACK)
        answer = client.put('/v1/destinations/d', {
            'kind': 'webhook', 'url': 'https://x.example.com',
            'requests': {'add': {'path': '/a/{{idd}}'}}})
        self.assertIn('/requests/add/path: column 6:',
                      self.assert_problem(answer, 400)['detail'])


class Files(DestinationCase):
    def test_one_file_for_each_batch_and_nothing_elsewhere(self):
        root = self.path('out')
        os.mkdir(root)
        _, client = self.started(options=['--export-directory', root])
        self.load(client, [{'profile_id': f'p{n}', 'note': 'a,"b"\n' * n} for n in range(3)])
        for form in ('csv', 'ndjson', 'roaring'):
            self.define(client, {'kind': 'file', 'directory': f'crm/{form}', 'format': form},
                        {'mapping': {'note': 'note'}}, form)
            self.assertEqual(self.run_to_end(client, form)['counts']['sent'], 3)
            names = os.listdir(os.path.join(root, 'crm', form))
            self.assertEqual(len(names), 1, names)
            self.assertRegex(names[0], rf'^{form}\.run-1\.add\.msg_[0-9a-f]+\.{form}$')
            with open(os.path.join(root, 'crm', form, names[0]), 'rb') as stream:
                content = stream.read()
            if form == 'csv':
                self.assertTrue(content.startswith(b'id,note\np0,'), content)
                self.assertIn(b'p1,"a,""b""\n"\n', content)
            elif form == 'ndjson':
                rows = [json.loads(line) for line in content.splitlines()]
                self.assertEqual([row['id'] for row in rows], ['p0', 'p1', 'p2'])
            else:
                # The cookies of the portable format, with and without runs.
                self.assertIn(int.from_bytes(content[:2], 'little'), (12346, 12347))
        outside = client.put('/v1/destinations/x', {'kind': 'file', 'directory': '../x',
                                                    'format': 'csv'})
        self.assert_problem(outside, 400)
        os.symlink(self.folder, os.path.join(root, 'link'))
        self.define(client, {'kind': 'file', 'directory': 'link', 'format': 'csv',
                             'max_attempts': 1}, {'mapping': {}}, 'link')
        self.assertEqual(self.run_to_end(client, 'link')['counts']['sent'], 0)

    def test_without_a_directory_there_are_no_files(self):
        _, client = self.started()
        answer = client.put('/v1/destinations/x', {'kind': 'file', 'format': 'csv'})
        self.assert_problem(answer, 403)


if __name__ == '__main__':
    unittest.main()
